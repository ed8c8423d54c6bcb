"""``python -m hetbrian`` is the command line."""

import sys

from hetbrian._support.stop import Stop


def main() -> None:
    """Run the command line; it hears signals from here on, since what it imports takes seconds."""
    stop, typed = Stop(), sys.argv
    sys.argv = typed[:1]  # Brian2 would keep a copy of them, and fails if they are no UTF-8
    try:
        from hetbrian import cli
    except BaseException as error:
        if stop.number:
            stop.leave(error)
        raise
    sys.argv = typed
    cli.main(stop)


if __name__ == "__main__":  # importing it, as documentation tools do, runs nothing
    main()

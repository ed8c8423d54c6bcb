"""``python -m hetbrian`` is the command line."""

import sys

from hetbrian._support.stop import Stop


def main() -> None:
    """Run the command line; it hears signals from here on, since what it imports takes seconds."""
    stop, typed = Stop(), sys.argv
    try:
        stop.listen()  # in here: a signal may come before this line has ended
        sys.argv = typed[:1]  # Brian2 would keep a copy of them, and fails if they are no UTF-8
        from hetbrian import cli

        sys.argv = typed
        cli.main(stop)
    except BaseException as error:
        if stop.number and not isinstance(error, SystemExit):  # which has said so
            stop.leave(error)
        raise


if __name__ == "__main__":  # importing it, as documentation tools do, runs nothing
    main()

"""``python -m hetbrian`` is the command line."""

from hetbrian.cli import main

if __name__ == "__main__":  # importing it, as documentation tools do, runs nothing
    main()

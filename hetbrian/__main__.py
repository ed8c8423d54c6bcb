"""``python -m hetbrian`` is the command line."""

from hetbrian.cli import main

main()

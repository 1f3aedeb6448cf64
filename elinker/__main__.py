"""`python -m elinker`, the same as the `elinker` command."""

from elinker.cli import main

main()

"""`python -m adengine COMMAND`."""

from adengine.cli.main import main

main()

"""`python -m adengine COMMAND`: commands over the same functions as the API.

Exit codes: 0 fine, 1 refused or found wrong (the sentence says what to do), 2 wrong usage or settings.
Modules are imported inside the commands, so that `--help` and `keys` need not wait for the web's.
"""

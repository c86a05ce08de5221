"""`python -m bus.cli` is `lienthong`."""

from bus.cli.app import main

main()

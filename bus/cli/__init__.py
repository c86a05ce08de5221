"""The command `lienthong`: everything an operator does, with help that teaches."""

from bus.cli.app import main

__all__ = ["main"]

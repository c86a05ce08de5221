"""The command `lienthong`, by which operators do everything."""

from bus.cli.app import main

__all__ = ["main"]

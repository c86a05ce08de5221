"""LazyCommands: the commands of `lienthong`, each imported when it is called.

Importing every command takes a second, most of it for the broker's driver, the database and the
demonstration, which `--help` and most commands do not need.
"""

from importlib import import_module
from typing import Any

from typer import Typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class LazyCommands(TyperGroup):
    """A group of commands that are described in `COMMANDS` and imported when they are called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=summary) for name, (_, summary) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, name and load(name), rest if command else args


def load(name: str) -> Any:
    """Import one command or group of commands, by its name."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    loaded = getattr(import_module(f"bus.cli.{module}"), attribute)
    if not isinstance(loaded, Typer):
        alone = Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(loaded)
        loaded = alone
    command = get_command(loaded)
    command.name = name
    return command


COMMANDS = {
    "up": (
        "up:up",
        "Run the axis until Ctrl-C. Drop edXML files into <home>/agencies/<code>/outbox.",
    ),
    "connect": (
        "up:connect",
        "Run one agency's adapter under its own account, until Ctrl-C.",
    ),
    "demo": (
        "demo:demo",
        "Exchange invented documents on a broker of our own, and check every number.",
    ),
    "convert": (
        "convert:convert",
        "Read a file and write it in another format, or in the same one strictly.",
    ),
    "check": (
        "check:check",
        "Show what the digital signatures in a PDF, or in the PDFs of a packet, prove.",
    ),
    "send": (
        "send:send",
        "Send a file as an agency: exactly what its system does by writing into its outbox.",
    ),
    "top": (
        "top.command:top",
        "Watch the axis that runs in this home: agencies, rates, what waits, fails or is paused.",
    ),
    "worker": (
        "service:worker",
        "Run the adapters of the agencies, as one of any number of workers.",
    ),
    "dead-letters": (
        "service:dead_letters",
        "Work on dead letters: record failures, retry what is due, carry out operators' orders.",
    ),
    "agency": (
        "agency:app",
        "List, show, add, change and vouch for agencies; their access to the broker.",
    ),
    "directory": (
        "directory:app",
        "The versions of the signed directory: who changed what when, and the way back.",
    ),
    "dlq": (
        "dlq.app:app",
        "Dead letters: deliveries that failed, why, and what to do about them.",
    ),
    "journal": (
        "journal:journal",
        "List what operators did: who, when, what, about what, why, and how it ended.",
    ),
    "topology": (
        "topology:app",
        "Compare the broker with what the directory asks for, and make it so.",
    ),
    "keys": ("keys:app", "Certificates and keys, from request to revocation."),
}
"""The module and function of each command, and the first sentence of its help."""

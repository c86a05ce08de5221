"""Session: the options that all commands of `dlq` share: the home, JSON output, the operator."""

import asyncio
import os
import shlex
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar

import typer

from bus.bootstrap.dead_letter_store import reached_letters
from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.cli.legible import legible
from bus.cli.options import Home
from bus.cli.output import AsJson
from bus.cli.recorded import NAME_AT_MOST, operator_here
from bus.core.routing import Routing
from bus.home.layout import Home as HomeFolder
from bus.home.paused import Paused, load_paused
from bus.ports import DeadLetters
from bus.services.worklist import Worklist
from bus.settings import Settings, load_settings

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Session:
    """The options that every command takes."""

    home: Home = None
    as_json: AsJson = False

    @cached_property
    def settings(self) -> Settings:
        """The settings of this axis."""
        return load_settings(home=self.home)

    @cached_property
    def routing(self) -> Routing:
        """The directory as it is now."""
        return Routing(directory_of(self.settings).load())

    @property
    def folder(self) -> HomeFolder:
        """The home on disk."""
        return HomeFolder(self.settings.home.absolute())

    def letters(self) -> AbstractAsyncContextManager[DeadLetters]:
        """The store of the dead letters."""
        return reached_letters(self.settings)

    def paused(self) -> tuple[Paused, ...]:
        """The mailboxes that wait for their agencies' systems, if an axis runs here."""
        return load_paused(self.folder.paused) if self.folder.running() else ()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine to its end."""
        return asyncio.run(work)

    def name_of(self, mailbox: str) -> str:
        """The legible name of the agency that owns a mailbox; empty when there is none."""
        agencies = self.routing.directory.agencies
        return legible(next((each.name_vi for each in agencies if each.code == mailbox), ""))

    def typed(self, command: str) -> str:
        """A command as it must be typed here: with the home, where one was typed before."""
        if self.home is None or str(self.home) == os.environ.get("LIENTHONG_HOME"):
            return command
        return f"{command} --home {shlex.quote(str(self.home))}"

    def worklist(self, letters: DeadLetters) -> Worklist:
        """The work list of this axis."""
        return Worklist(letters=letters, routing=lambda: self.routing, clock=now)


def _operator(given: str) -> str:
    name = given.strip()
    if not name or len(name) > NAME_AT_MOST or not name.isprintable():
        raise typer.BadParameter(f"a name of 1 to {NAME_AT_MOST} printable characters is needed")
    return name


Operator = Annotated[
    str,
    typer.Option(
        default_factory=operator_here,
        envvar="LIENTHONG_OPERATOR",
        callback=_operator,
        help="Who acts; stands in the history. Default: your login name.",
        show_default=False,
    ),
]

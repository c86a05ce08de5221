"""Load: agencies' systems that write to each other without a pause, whatever happens meanwhile."""

import asyncio
import random
from dataclasses import dataclass, field

from tests.acceptance.packets import a_packet
from tests.support.folders import Folders

_FILE = {"phu-luc.txt": "Phụ lục\n".encode() * 500}
_MOST_RECEIVERS = 3
_FIRST = 10_000
"""Numbers that no forged document has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """A document that was put into an outbox."""

    name: str
    sender: str
    receivers: tuple[str, ...]


@dataclass
class Load:
    """Documents of all agencies to one or several of the others.

    Args:
        rate: Documents a second.
    """

    folders: Folders
    codes: tuple[str, ...]
    rate: float
    choose: random.Random
    dropped: dict[str, Dropped] = field(default_factory=dict)

    async def run(self) -> None:
        """Write until cancelled, evenly."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            if len(self.dropped) < (loop.time() - began) * self.rate:
                self._drop_one()
            await asyncio.sleep(0.5 / self.rate)

    def _drop_one(self) -> None:
        number = str(_FIRST + len(self.dropped))
        sender = self.choose.choice(self.codes)
        others = [code for code in self.codes if code != sender]
        receivers = self.choose.sample(others, self.choose.randint(1, _MOST_RECEIVERS))
        packet = a_packet(sender=sender, receivers=receivers, number=number, files=_FILE)
        name = f"{number}.edxml"
        try:
            self.folders.drop(sender, name, packet)
        except FileNotFoundError:
            # Its folder is away: its system cannot write either.
            return
        self.dropped[number] = Dropped(name=name, sender=sender, receivers=tuple(receivers))

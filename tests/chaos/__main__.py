"""Chaos: `python -m tests.chaos --duration 300 --seed 7`: a running axis, misused without mercy.

Under a steady load everything that may die dies, in an order that follows from the seed. In the
end every document must be accounted for; exit 1 when one is not.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from bus.observability.logs import configure
from schemas.problem import TransportError
from tests.chaos.account import Account, take_account
from tests.chaos.attack import THIEF, Attack
from tests.chaos.load import Load
from tests.chaos.mishaps import Deck
from tests.chaos.up import EndedByItselfError, Up

CODES = ("G22", "H24", "H41", "H57", "H01", "G09")
_QUIET_SECONDS = (0.5, 5.0)
_SETTLING = timedelta(seconds=180)
_PROGRESS_SECONDS = 5.0


class Chaos:
    """One run."""

    def __init__(
        self, up: Up, load: Load, choose: random.Random, console: Console, *, hostile: bool
    ) -> None:
        self._up = up
        self._load = load
        self._choose = choose
        self._console = console
        self._hostile = hostile
        self._began = time.monotonic()

    async def run(self, duration: timedelta) -> Account:
        """Harm the axis for a while, then let it come to rest, and take the account."""
        await self._up.start()
        self._began = time.monotonic()
        self._say("up, under load")
        writing = asyncio.create_task(self._load.run())
        attacking = asyncio.create_task(self._attack(self._began + duration.total_seconds()))
        watching = asyncio.create_task(self._watch())
        try:
            await self._harm(until=self._began + duration.total_seconds())
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await attacking
        self._say("no more harm, no more load: coming to rest")
        account = await self._rest()
        watching.cancel()
        return account

    async def _harm(self, *, until: float) -> None:
        deck = Deck(self._choose)
        while time.monotonic() < until:
            await asyncio.sleep(self._choose.uniform(*_QUIET_SECONDS))
            self._up.check()
            mishap = deck.draw()
            self._say(f"begins: {mishap.__name__.replace('_', ' ')}")
            self._say(f"  over: {await mishap(self._up, self._choose)}")

    async def _attack(self, until: float) -> None:
        if self._hostile:
            attack = Attack(self._up.home, self._choose)
            await attack.harm(until)
            self._say(f"thrown: {dict(attack.thrown)}")

    async def _rest(self) -> Account:
        deadline = time.monotonic() + _SETTLING.total_seconds()
        while True:
            self._up.check()
            late = time.monotonic() > deadline
            try:
                account = await take_account(self._up, self._load.dropped, codes=self._load.codes)
            except TransportError:
                # The broker may be just coming back.
                if late:
                    raise
            else:
                if account.settled or late:
                    return account
            await asyncio.sleep(1)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            folders, counts = self._up.folders, dict.fromkeys(("sent", "documents", "statuses"), 0)
            for code in self._up.codes:
                with suppress(FileNotFoundError):
                    counts["sent"] += len(folders.sent(code))
                    counts["documents"] += len(folders.documents(code))
                    counts["statuses"] += len(folders.statuses(code))
            self._say(
                f"dropped {len(self._load.dropped):,}, sent {counts['sent']:,}, "
                f"handed over {counts['documents']:,}, receipts {counts['statuses']:,}"
            )

    def _say(self, text: str) -> None:
        self._console.print(f"{time.monotonic() - self._began:7.1f} s  {text}", highlight=False)


async def _play(home: Path, arguments: argparse.Namespace, console: Console) -> bool:
    choose = random.Random(arguments.seed)
    up = Up(home, CODES)
    honest = tuple(code for code in CODES if not (arguments.hostile and code == THIEF))
    load = Load(up.folders, honest, arguments.rate, random.Random(arguments.seed))
    chaos = Chaos(up, load, choose, console, hostile=arguments.hostile)
    try:
        account = await chaos.run(timedelta(seconds=arguments.duration))
    except EndedByItselfError as error:
        console.print(f"[bold red]up ended by itself[/]: {error}")
        return False
    finally:
        await up.end()
    console.print(account.table())
    verdict = "[bold green]reconciled[/]" if account.exact else "[bold red]NOT RECONCILED[/]"
    console.print(f"{verdict}, seed {arguments.seed}")
    if not account.exact:
        console.print(f"missing: {sorted(account.missing)[:20]}")
        console.print(f"twice: {[d for d, n in account.delivered.items() if n > 1][:20]}")
    return account.exact


def main() -> int:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--duration", type=float, default=60, help="seconds of harm")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--rate", type=float, default=8, help="documents dropped a second")
    parser.add_argument(
        "--hostile", action="store_true", help="with a thief who throws anything at everything"
    )
    parser.add_argument("--keep", type=Path, help="keep everything in this folder")
    arguments = parser.parse_args()
    console = Console(width=100)
    # What the thief's own driver says is of no interest.
    configure(as_json=False, quiet=True)
    logging.getLogger("pamqp").setLevel(logging.CRITICAL)
    console.print(f"chaos for {arguments.duration:.0f} s, seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="lienthong-chaos-") as scratch:
        home = arguments.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        return 0 if asyncio.run(_play(home, arguments, console)) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Key homes: agencies that keep their private keys to themselves, and a hub without any."""

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from bus.core.keyring import KeyRing
from bus.core.sealing.suite import SealingSuite
from bus.core.signing import SigningKey
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring, load_signing_key
from bus.keys.sealing import SealingFolder
from schemas.identifiers import MailboxName
from tests.support.agencies import real_now


def signing_in(folder: Path, now: datetime) -> Callable[[MailboxName], SigningKey]:
    """With what owners sign whose keys are in a folder."""
    return lambda owner: load_signing_key(folder, owner, now=now)


_PRIVATE = ("*.key", "*.secret")


class KeyHomes:
    """A key folder for each agency with its own private keys, and one for the hub without any."""

    def __init__(self, root: Path, codes: Sequence[str]) -> None:
        made, now = root / "made", real_now()
        owners = [MailboxName(code) for code in codes]
        DevelopmentAuthority.open(made, now=now).ensure(owners, now=now)
        SealingFolder(made).ensure(owners, signing=signing_in(made, now), now=now)
        self.hub = root / "hub"
        self._of = {code: root / "at" / code for code in codes}
        for folder in (self.hub, *self._of.values()):
            shutil.copytree(made, folder, ignore=shutil.ignore_patterns(*_PRIVATE))
        # The hub of a development axis is its certificate authority as well.
        shutil.copy(made / "development.key", self.hub)
        for code, folder in self._of.items():
            own = Path("agencies") / code
            shutil.copytree(made / own, folder / own, dirs_exist_ok=True)
        shutil.rmtree(made)

    @property
    def ring(self) -> KeyRing:
        """Whom everybody believes."""
        return load_ring(self.hub)

    def key_of(self, code: str) -> SigningKey:
        """What an agency signs with."""
        return load_signing_key(self._of[code], MailboxName(code), now=real_now())

    def seals_of(self, code: str) -> SealingFolder:
        """What an agency's worker knows of sealing keys."""
        return SealingFolder(self._of[code])

    def rotate(self, code: str) -> str:
        """An agency makes a new sealing key, and everybody hears of it; its id."""
        now, home = real_now(), self._of[code]
        key_id = SealingFolder(home).rotate(
            MailboxName(code), suite=SealingSuite.HYBRID, signing=signing_in(home, now), now=now
        )
        self.publish_all()
        return key_id

    def publish_all(self) -> None:
        """Everybody gets everybody's newest public sealing keys."""
        for owner, home in self._of.items():
            sealing = Path("agencies") / owner / "sealing"
            for other in (self.hub, *self._of.values()):
                for statement in (home / sealing).glob("*.json"):
                    if other != home:
                        shutil.copy(statement, other / sealing)

    def withdraw(self, owner: str) -> None:
        """Nobody else finds a sealing key of this agency any more."""
        for home in (self.hub, *(home for code, home in self._of.items() if code != owner)):
            shutil.rmtree(home / "agencies" / owner / "sealing")

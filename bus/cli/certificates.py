"""Certificates of a home and requests for them, as rows of a table and of JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from bus.core.certificate_expiry import WARNED_AHEAD
from bus.home.layout import Home as HomeFolder
from bus.keys.folder import KeyFolder
from bus.keys.requests import KeyKind, Request, make_request
from bus.keys.ring import KeyRow, describe
from bus.settings import Settings, load_settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import term

MARK = "DEVELOPMENT"
"""Shown in place of the authority of a certificate that the axis made itself, for tests."""

_STYLES = {
    "signs": "green",
    "believed": "",
    "requested": "",
    "ended": "dim",
    "revoked": "red",
    "unusable": "bold red",
}
_FIELDS = (
    *("owner", "state", "subject", "algorithm", "valid_from", "valid_to", "days_left"),
    *("private_key", "in_token", "authority", "thumbprint"),
    *("revoked_at", "revoked_for", "revoked_by", "file", "problem"),
)


@dataclass(frozen=True, slots=True)
class HomeKeys:
    """The keys of a home, at one moment."""

    settings: Settings
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def files(self) -> KeyFolder:
        """The folder of the keys."""
        return KeyFolder(HomeFolder(self.settings.home).keys)

    def rows(self) -> tuple[KeyRow, ...]:
        """Every certificate with its problems."""
        access = self.settings.key_access
        return describe(self.files.root, now=self.now, access=access)

    def request(self, owner: MailboxName, kind: KeyKind) -> Request:
        """Make a key pair and its certificate request. Raises `ConfigurationError` E_KEYS."""
        passphrase = self.settings.key_access.passphrase(agency=owner)
        return make_request(self.files, owner, kind=kind, passphrase=passphrase, now=self.now)


def keys_of(home: Path | None, *, encrypt_for: str | None = None) -> HomeKeys:
    """The keys of a home.

    Args:
        encrypt_for: The owner of a private key that must be encrypted.

    Raises:
        ConfigurationError: E_KEYS: no passphrase is set to encrypt it with.
    """
    settings = load_settings(home=home)
    if encrypt_for is not None and settings.key_passphrase_file is None:
        raise AxisError.of("E_KEYS", agency=encrypt_for, cause=term("passphrase_file_missing"))
    return HomeKeys(settings)


def certificate_row(row: KeyRow) -> dict[str, Any]:
    """Everything about a certificate, for JSON."""
    found = dict.fromkeys(_FIELDS) | {
        "owner": row.owner,
        "state": _state(row),
        "days_left": row.days_left,
        "private_key": row.has_private_key,
        "in_token": row.in_token,
        "file": row.file,
        "problem": str(row.problem) if row.problem else None,
    }
    if key := row.key:
        found |= {
            "subject": key.subject,
            "algorithm": key.algorithms[0],
            "valid_from": key.not_before.date().isoformat(),
            "valid_to": key.not_after.date().isoformat(),
            "authority": key.issuer,
            "thumbprint": key.thumbprint,
        }
    if row.development:
        found["authority"] = MARK
    if revocation := row.revocation:
        found |= {
            "revoked_at": revocation.at.isoformat(),
            "revoked_for": revocation.reason,
            "revoked_by": revocation.evidence,
        }
    return found


def request_row(made: Request) -> dict[str, Any]:
    """A request in the fields of a certificate."""
    problem = made.problem
    return dict.fromkeys(_FIELDS) | {
        "owner": made.owner,
        "state": "requested" if problem is None else "unusable",
        "problem": str(problem) if problem else None,
        "private_key": True,
        "in_token": False,
        "file": made.path.name,
    }


def shown(row: Mapping[str, Any]) -> dict[str, object]:
    """The columns of the table, from a row for JSON."""
    authority = row["authority"]
    return {
        "owner": row["owner"],
        "state": Text(row["state"], style=_STYLES[row["state"]]),
        "algorithm": row["algorithm"],
        "ends": row["valid_to"],
        "days_left": _days_left(row["days_left"]),
        "private_key": "token" if row["in_token"] else row["private_key"],
        "authority": Text(MARK, style="yellow") if authority == MARK else authority,
        "problem": row["problem"],
    }


def _state(row: KeyRow) -> str:
    if row.revocation is not None:
        return "revoked"
    if row.problem is not None or row.days_left is None:
        return "unusable"
    if row.days_left < 0:
        return "ended"
    return "signs" if row.signs else "believed"


def _days_left(days: int | None) -> Text | None:
    if days is None:
        return None
    far, near, _ = (ahead.days for ahead in WARNED_AHEAD)
    if days < 0:
        return Text(f"{days}", style="red")
    if days < far:
        return Text(f"{days} ends soon", style="bold red" if days < near else "yellow")
    return Text(f"{days}", style="green")

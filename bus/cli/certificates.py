"""Certificates and requests as rows: for a table what fits it, for JSON everything."""

from rich.text import Text

from bus.core.certificate_expiry import WARNED_AHEAD
from bus.keys.requests import Request
from bus.keys.ring import KeyRow

MARK = "DEVELOPMENT"
"""Stands where the authority would: it is one of our own, for trying things out."""


def certificate_row(row: KeyRow) -> dict[str, object]:
    """Everything about a certificate, for JSON."""
    key = row.key
    return {
        "owner": row.owner,
        "state": _state(row),
        "subject": key.subject if key else None,
        "algorithm": key.algorithms[0] if key else None,
        "valid_from": key.not_before.date().isoformat() if key else None,
        "valid_to": key.not_after.date().isoformat() if key else None,
        "days_left": row.days_left,
        "private_key": row.has_private_key,
        "in_token": row.in_token,
        "authority": MARK if row.development else key.issuer if key else None,
        "thumbprint": key.thumbprint if key else None,
        "revoked_at": row.revocation.at.isoformat() if row.revocation else None,
        "revoked_for": row.revocation.reason if row.revocation else None,
        "revoked_by": row.revocation.evidence if row.revocation else None,
        "file": row.file,
        "problem": str(row.problem) if row.problem else None,
    }


def request_row(made: Request) -> dict[str, object]:
    """A request in the fields of a certificate."""
    told: dict[str, object] = dict.fromkeys(_FIELDS)
    problem = made.problem
    return told | {
        "owner": made.owner,
        "state": "requested" if problem is None else "unusable",
        "problem": str(problem) if problem else None,
        "private_key": True,
        "in_token": False,
        "file": made.path.name,
    }


def _state(row: KeyRow) -> str:
    if row.revocation is not None:
        return "revoked"
    if row.problem is not None or row.days_left is None:
        return "unusable"
    if row.days_left < 0:
        return "ended"
    return "signs" if row.signs else "believed"


def certificate_shown(row: KeyRow) -> dict[str, object]:
    """What a table says of a certificate."""
    said = certificate_row(row)
    return {
        "owner": row.owner,
        "state": Text(str(said["state"]), style=_STYLES[str(said["state"])]),
        "algorithm": said["algorithm"],
        "ends": said["valid_to"],
        "days_left": _days_left(row),
        "private_key": "token" if row.in_token else row.has_private_key,
        "authority": Text(MARK, style="yellow") if row.development else said["authority"],
        "problem": said["problem"],
    }


def request_shown(made: Request) -> dict[str, object]:
    """What a table says of a request."""
    shown: dict[str, object] = dict.fromkeys(
        ("owner", "state", "algorithm", "ends", "days_left", "private_key", "authority", "problem")
    )
    said = request_row(made)
    state = Text(str(said["state"]), style=_STYLES.get(str(said["state"]), ""))
    kept = {name: said[name] for name in ("owner", "private_key", "problem")}
    return shown | kept | {"state": state}


def _days_left(row: KeyRow) -> Text | None:
    if row.days_left is None:
        return None
    if row.days_left < 0:
        return Text(f"{row.days_left}", style="red")
    far, near, _ = (ahead.days for ahead in WARNED_AHEAD)
    if row.days_left < near:
        return Text(f"{row.days_left} ends soon", style="bold red")
    if row.days_left < far:
        return Text(f"{row.days_left} ends soon", style="yellow")
    return Text(f"{row.days_left}", style="green")


_STYLES = {
    "signs": "green",
    "believed": "",
    "ended": "dim",
    "revoked": "red",
    "unusable": "bold red",
}
_FIELDS = (
    "owner",
    "state",
    "subject",
    "algorithm",
    "valid_from",
    "valid_to",
    "days_left",
    "private_key",
    "in_token",
    "authority",
    "thumbprint",
    "revoked_at",
    "revoked_for",
    "file",
    "problem",
)

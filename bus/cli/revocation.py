"""`lienthong keys revoke` and `keys sources`: what was revoked, and by whom."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bus.cli.certificates import keys_of
from bus.cli.moment import age, shown_alone
from bus.cli.options import Home
from bus.cli.output import AsJson, announce, listing, tell_outcome
from bus.cli.recorded import recorded
from bus.core.revocation.source_record import SourceRecord
from bus.core.revocation.statement import RevocationReason
from bus.keys.revocation_store import FolderRevocationStore, revoke_here
from bus.keys.ring import KeyRow
from bus.settings import load_settings
from schemas.problem import AxisError
from schemas.term import term


def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="CODE|THUMBPRINT",
            help="A certificate, or the only one of an agency that is not revoked yet.",
        ),
    ],
    reason: Annotated[RevocationReason, typer.Option(help="As in RFC 5280.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """State that a certificate counts no more from this moment. It cannot be taken back.

    What it signed before still counts, unless the reason is a compromise. To replace a key
    without a gap, rotate first, and revoke when the new one is in use.
    """
    keys = keys_of(home)
    row = _the_one(keys.rows(), which, reason)
    if row.key is None:
        raise AxisError.of("E_KEYS", agency=row.owner, cause=row.problem)
    with recorded(keys.settings, "keys revoke", row.owner, row.key.thumbprint, why=reason):
        done = revoke_here(keys.files, row.key.thumbprint, reason=reason, now=keys.now)
    left = any(each.signs for each in keys.rows() if each.owner == row.owner)
    told = {
        "owner": row.owner,
        "thumbprint": done.thumbprint,
        "at": done.at.isoformat(),
        "reason": done.reason,
        "can_sign": left,
    }
    before = (
        "nothing it ever signed counts"
        if reason.is_compromise
        else "what it signed before still counts"
    )
    sentence = f"{row.file} of {row.owner} is revoked from {shown_alone(done.at)} on; {before}"
    tell_outcome(told, sentence, as_json=as_json)
    if row.has_private_key and not left:
        announce(
            f"{row.owner} has nothing left to sign with: what it sends waits until there is. "
            + (
                "A running axis makes a DEVELOPMENT certificate by itself."
                if row.development
                else f"See 'lienthong keys request {row.owner}'."
            )
        )


def _the_one(rows: tuple[KeyRow, ...], which: str, reason: RevocationReason) -> KeyRow:
    """The certificate that is meant; a revoked one can be revoked again for a compromise only."""
    named = [row for row in rows if row.key is not None and row.key.thumbprint == which]
    owned = [row for row in rows if row.owner == which and row.revocation is None]
    match named or owned:
        case [row]:
            known = row.revocation
            if known is None or (reason.is_compromise and not known.reason.is_compromise):
                return row
            cause = term("revoked_already", at=shown_alone(known.at), reason=known.reason)
        case []:
            cause = term("no_counting_certificate")
        case _:
            prints = ", ".join(row.key.thumbprint for row in owned if row.key is not None)
            cause = term("several_certificates", thumbprints=prints)
    raise AxisError.of("E_KEYS", agency=which, cause=cause)


def sources(home: Home = None, as_json: AsJson = False) -> None:
    """List the CRLs and OCSP responders that are asked, since when one is away, and why."""
    settings, now = load_settings(home=home), datetime.now(UTC)
    known = FolderRevocationStore(settings.home / "keys").load()
    rows = [_row(record, now=now, grace=settings.revocation_grace) for record in known.sources]
    columns = ("source", "state", "answered", "revoked", "good", "problem")
    listing(rows, as_json=as_json, title="Revocation sources", columns=columns)


def _row(record: SourceRecord, *, now: datetime, grace: timedelta) -> dict[str, object]:
    answered_at, lost_since = record.answered_at, record.lost_since
    return {
        "source": record.source,
        "state": _state(record, now=now, grace=grace),
        "answered": f"{age(now - answered_at)} ago" if answered_at else "never",
        "answered_at": answered_at.isoformat() if answered_at else None,
        "age_seconds": round((now - answered_at).total_seconds()) if answered_at else None,
        "lost_since": lost_since.isoformat() if lost_since else None,
        "revoked": len(record.revocations),
        "good": len(record.assurances),
        "revocations": [
            {"certificate": each.thumbprint, "at": each.at.isoformat(), "reason": each.reason}
            for each in record.revocations
        ],
        "problem": str(record.problem) if record.problem else None,
    }


def _state(record: SourceRecord, *, now: datetime, grace: timedelta) -> str:
    if record.lost_since is None:
        return "answers" if record.answered_at else "not asked"
    return (
        "away, grace ended" if now >= (record.answered_at or record.lost_since) + grace else "away"
    )

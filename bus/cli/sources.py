"""`lienthong keys sources`: who tells what was revoked, and how old the last word of each is."""

from datetime import UTC, datetime, timedelta

from bus.cli.moment import age
from bus.cli.options import Home
from bus.cli.output import AsJson, listing
from bus.core.revocation.source_record import SourceRecord
from bus.keys.revocation_store import FolderRevocationStore
from bus.settings import load_settings


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

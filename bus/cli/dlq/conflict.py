"""Conflict: the earlier delivery of a document beside the one that arrives with other content."""

from rich.table import Table
from rich.text import Text

from bus.cli.legible import legible
from bus.core.dead_letters.letter import DeadLetter
from schemas.envelope import Envelope
from schemas.vietnam import to_vietnam

_ROWS = {"at": "cause.at", "subject": "cause.subject", "envelope": "cause.sha256"}
"""The compared fields, with the parameter of the problem for the earlier delivery."""


def conflict_json(letter: DeadLetter, envelope: Envelope | None) -> dict[str, object]:
    """Both deliveries, if the letter is about a conflict; unknown fields are null."""
    if letter.problem.code != "E_CONFLICT":
        return {}
    before = {name: letter.problem.params.get(told) for name, told in _ROWS.items()}
    return {"conflict": {"before": before, "now": _now(letter, envelope)}}


def conflict_table(letter: DeadLetter, envelope: Envelope | None) -> Table:
    """Both deliveries as a table. Times are those of Viet Nam."""
    now = _now(letter, envelope)
    table = Table(box=None, header_style="bold", padding=(0, 2))
    for title in ("", "before", "now"):
        table.add_column(title, overflow="fold", style="" if title else "dim")
    for name, told in _ROWS.items():
        values = (letter.problem.params.get(told), now[name])
        table.add_row(name, *(Text(legible(value or "not known")) for value in values))
    return table


def _now(letter: DeadLetter, envelope: Envelope | None) -> dict[str, str | None]:
    document = envelope.document if envelope else None
    return {
        "at": to_vietnam(letter.first_failed_at).isoformat(timespec="seconds"),
        "subject": document.subject if document else None,
        "envelope": letter.envelope_id,
    }

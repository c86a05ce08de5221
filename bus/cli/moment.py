"""Times as operators write and read them: in Viet Nam time, whatever the zone of the server is."""

import re
from datetime import datetime, timedelta

from schemas.vietnam import from_vietnam, to_vietnam

_AGO = re.compile(r"(\d{1,6}) ?(s|min|m|h|d|w)")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_AS_SHOWN = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")

FORMS = "2h, 3d, 2026-03-12T09:15 or '12/03/2026 09:15'; Viet Nam time when no zone is given"


ZONE = "times: Viet Nam, UTC+7"
"""Printed below times that are shown without their zone."""


def read_moment(text: str, *, now: datetime) -> datetime:
    """Read a time in one of the `FORMS`.

    Raises:
        ValueError: The text has another form.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return now - int(ago[1]) * _UNITS[ago[2]]
    return _read_calendar(text.strip())


def shown(moment: datetime) -> str:
    """`12/03/2026 09:15`, Viet Nam time."""
    return f"{to_vietnam(moment):%d/%m/%Y %H:%M}"


def shown_exactly(moment: datetime) -> str:
    """The same with seconds."""
    return f"{to_vietnam(moment):%d/%m/%Y %H:%M:%S}"


def shown_alone(moment: datetime) -> str:
    """`12/03/2026 09:15:00 +07:00`, with the zone."""
    return f"{shown_exactly(moment)} +07:00"


def age(span: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`, `5 d`: the largest unit that fits, rounded down."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _read_calendar(text: str) -> datetime:
    for form in _AS_SHOWN:
        try:
            return datetime.strptime(f"{text} +07:00", f"{form} %z")
        except ValueError:
            continue
    moment = datetime.fromisoformat(text)
    return from_vietnam(moment) if moment.tzinfo is None else moment

"""Dates: read and write dates and moments of edXML, in Viet Nam time.

Never a lenient parser: `2018/09/28` read as `dd/MM/yyyy` once became the year 34. Three shapes are
read, for no two of them can be confused: year first (as it is due, and as in ISO 8601 and XML
Schema), day first, and eight digits with the year first. The two signs within a date are the same.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from schemas.limits import MAX_YEAR, MIN_YEAR
from schemas.vietnam import VIETNAM, from_vietnam, to_vietnam

_YEARS = range(MIN_YEAR, MAX_YEAR + 1)
_CLOCK = r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(?P<fraction>\.[0-9]{1,9})?"
_ZONE = "(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})"
_YEAR, _MONTH, _DAY = "(?P<year>[0-9]{4})", "(?P<month>[0-9]{1,2})", "(?P<day>[0-9]{1,2})"
_SIGN, _SAME_SIGN = "(?P<sign>[-/.])", "(?P=sign)"
_TIME = f"(?:[T ]{_CLOCK}{_ZONE}?|{_ZONE.replace('zone', 'zone_of_day')})?"
_SHAPES = (
    re.compile(f"{_YEAR}{_SIGN}{_MONTH}{_SAME_SIGN}{_DAY}{_TIME}"),
    re.compile(f"{_DAY}{_SIGN}{_MONTH}{_SAME_SIGN}{_YEAR}{_TIME}"),
    re.compile("(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
)
_DUE_DAY = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}")
_DUE_STAMP = re.compile(rf"{_DUE_DAY.pattern}(?: [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})?")
_DAY_IN_ID = re.compile(r",([0-9]{4}/[0-9]{2}/[0-9]{2}),")
_MIDNIGHT = time()


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A date as read.

    Attributes:
        as_due: It is written `yyyy/MM/dd`.
        timed: A time is stated too, which a date cannot hold.
    """

    value: date
    as_due: bool
    timed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """A moment as read, in UTC.

    Attributes:
        as_due: It is written `yyyy/MM/dd HH:mm:ss`, or without its time.
        timed: A time other than 00:00:00 in Viet Nam is stated.
    """

    value: datetime
    as_due: bool
    timed: bool


def read_day(text: str) -> Day | None:
    """Read a date; None when the text is ambiguous or names no day of the calendar.

    A date is a day of the calendar and is not converted. A moment with a zone is read only where
    that cannot matter: when it is the same day in Viet Nam, or midnight there, as software writes a
    date that it turned into a moment.
    """
    moment = _read(text)
    if moment is None:
        return None
    local = moment if moment.tzinfo is None else moment.astimezone(VIETNAM)
    day, clock = local.date(), local.time()
    if day.year not in _YEARS or (day != moment.date() and clock != _MIDNIGHT):
        return None
    timed = moment.time() != _MIDNIGHT and clock != _MIDNIGHT
    return Day(value=day, as_due=_DUE_DAY.fullmatch(text) is not None, timed=timed)


def read_stamp(text: str) -> Stamp | None:
    """Read a moment, in whole seconds; None when the text names no moment of the calendar.

    Without a zone it is Viet Nam time; with one it is converted.
    """
    moment = _read(text)
    if moment is None:
        return None
    local = moment if moment.tzinfo is None else to_vietnam(moment)
    if local.year not in _YEARS:
        return None
    as_due = _DUE_STAMP.fullmatch(text) is not None
    return Stamp(value=from_vietnam(local), as_due=as_due, timed=local.time() != _MIDNIGHT)


def _read(text: str) -> datetime | None:
    """What a text of any of the shapes says; without a zone where it states none, or no time."""
    match = next(filter(None, (shape.fullmatch(text) for shape in _SHAPES)), None)
    if match is None:
        return None
    said = match.groupdict()
    try:
        day = date(int(said["year"]), int(said["month"]), int(said["day"]))
        hour, minute, second = map(int, f"{said.get('clock') or '0:0'}:0".split(":")[:3])
        zone = _zone(said.get("zone"))
        moment = datetime.combine(day, time(hour, minute, second), tzinfo=zone)
        if zone is not None:
            moment.astimezone(VIETNAM)
    except (ValueError, OverflowError):
        return None
    return moment


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return timezone(timedelta())
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text.startswith("-") else offset)


def holds_impossible_date(document_id: str) -> bool:
    """Whether a DocumentId of the form `organ,yyyy/MM/dd,number` names a day that never was."""
    match = _DAY_IN_ID.search(document_id)
    return match is not None and read_day(match[1]) is None


def write_day(value: date) -> str:
    """`yyyy/MM/dd`."""
    return f"{value:%Y/%m/%d}"


def write_stamp(value: datetime) -> str:
    """`yyyy/MM/dd HH:mm:ss` in Viet Nam time."""
    return f"{to_vietnam(value):%Y/%m/%d %H:%M:%S}"

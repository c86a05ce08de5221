"""Dates and stamps of edXML: exact patterns, calendar check, Viet Nam time (handbook 2.6 and 10).

Never a lenient parser: `2018/09/28` read as `dd/MM/yyyy` once became the year 34.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from schemas.limits import MAX_YEAR, MIN_YEAR
from schemas.vietnam import from_vietnam, to_vietnam

_YEARS = range(MIN_YEAR, MAX_YEAR + 1)
_DAY = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})")
_DAY_FIRST = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_CLOCK = re.compile(r" ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_DAY_IN_ID = re.compile(r",([0-9]{4}/[0-9]{2}/[0-9]{2}),")


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A date as read. `day_first` says it was written `dd/MM/yyyy`."""

    value: date
    day_first: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """A moment as read, in UTC. `timed` says that a time other than 00:00:00 was stated."""

    value: datetime
    timed: bool
    day_first: bool


def read_day(text: str) -> Day | None:
    """Read `yyyy/MM/dd`, or by its shape `dd/MM/yyyy`; None when it is no possible date."""
    if match := _DAY.fullmatch(text):
        year, month, day = match.groups()
    elif match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
    else:
        return None
    if int(year) not in _YEARS:
        return None
    try:
        value = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return Day(value=value, day_first=match.re is _DAY_FIRST)


def read_stamp(text: str) -> Stamp | None:
    """Read `yyyy/MM/dd HH:mm:ss` as Viet Nam time; None when it is no possible moment."""
    day = read_day(text[:10])
    if day is None:
        return None
    clock = time()
    if text[10:]:
        match = _CLOCK.fullmatch(text, 10)
        if match is None:
            return None
        try:
            clock = time(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return None
    value = from_vietnam(datetime.combine(day.value, clock))
    return Stamp(value=value, timed=clock != time(), day_first=day.day_first)


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

"""Dates of edXML: exact, in Viet Nam time, and never guessed."""

from datetime import UTC, date, datetime

import pytest

from adapters.formats.edxml.dates import (
    holds_impossible_date,
    read_day,
    read_stamp,
    write_day,
    write_stamp,
)


@pytest.mark.parametrize(
    ("text", "value", "as_due"),
    [
        ("2018/09/28", date(2018, 9, 28), True),
        ("28/09/2018", date(2018, 9, 28), False),
        ("2024/02/29", date(2024, 2, 29), True),
        ("1945/01/01", date(1945, 1, 1), True),
        ("2100/12/31", date(2100, 12, 31), True),
        ("2026-03-12", date(2026, 3, 12), False),
        ("2026/3/5", date(2026, 3, 5), False),
        ("2026-3-5", date(2026, 3, 5), False),
        ("5/3/2026", date(2026, 3, 5), False),
        ("2026/03/12 00:00:00", date(2026, 3, 12), False),
        ("2026/03/12 17:30:00", date(2026, 3, 12), False),
        ("12/03/2026 00:00:00", date(2026, 3, 12), False),
        ("2026-03-12 00:00:00.0", date(2026, 3, 12), False),
        ("2026-03-12T00:00:00", date(2026, 3, 12), False),
        ("2026-03-12T00:00:00.000Z", date(2026, 3, 12), False),
        ("2026-03-12T00:00:00+07:00", date(2026, 3, 12), False),
        ("2026-03-12T23:59:59+0700", date(2026, 3, 12), False),
        ("2026/03/12 00:00", date(2026, 3, 12), False),
        ("12/3/2026 9:05", date(2026, 3, 12), False),
        ("12-03-2026", date(2026, 3, 12), False),
        ("12.3.2026", date(2026, 3, 12), False),
        ("2026.03.12", date(2026, 3, 12), False),
        ("20260312", date(2026, 3, 12), False),
        # A date of XML Schema may state a zone; it is that day all the same.
        ("2026-03-12Z", date(2026, 3, 12), False),
        ("2026-03-12+09:00", date(2026, 3, 12), False),
        # Midnight in Viet Nam, as software writes it that turned the date into a moment.
        ("2026-03-11T17:00:00.000Z", date(2026, 3, 12), False),
        ("1944-12-31T17:00:00Z", date(1945, 1, 1), False),
    ],
)
def test_a_day_is_read_by_its_shape(text: str, value: date, as_due: bool) -> None:
    day = read_day(text)

    assert day is not None
    assert (day.value, day.as_due) == (value, as_due)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2014/02/30",
        "2023/02/29",
        "1944/12/31",
        "2101/01/01",
        "2026/11/22 ",
        "26/11/22",
        "13/13/2026",
        "٢٠٢٦/11/22",
        "2026/11/22\n",
        "2026-11/22",
        "2026/11-22",
        "22112026",
        "2026/11/22 5",
        "12.03-2026",
        "12.03.26",
        "2026/11/22 25:00:00",
        "2026-02-30T00:00:00Z",
        "2100-12-31T17:00:00Z",
        # Another day there than here: which of the two is meant?
        "2026-03-12T20:00:00Z",
        "2026-03-12T00:00:00+09:00",
        "2026-03-12T00:00:00+25:00",
    ],
)
def test_anything_else_is_no_day(text: str) -> None:
    assert read_day(text) is None


@pytest.mark.parametrize(
    ("text", "value", "timed"),
    [
        ("2026/03/12 09:15:00", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026/03/12 00:00:00", datetime(2026, 3, 11, 17, 0, tzinfo=UTC), False),
        ("2026/03/12", datetime(2026, 3, 11, 17, 0, tzinfo=UTC), False),
        ("12/03/2026 09:15:00", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-12T09:15:00+07:00", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-12T02:15:00.999Z", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-12T09:15:00", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-12 09:15:00.0", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-12T00:00:00.000Z", datetime(2026, 3, 12, tzinfo=UTC), True),
        ("2026/03/12 9:15", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026/03/12T09:15:00", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026/03/12 02:15:00Z", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
        ("2026-03-11T21:15:00-0500", datetime(2026, 3, 12, 2, 15, tzinfo=UTC), True),
    ],
)
def test_a_stamp_is_viet_nam_time_or_converted(text: str, value: datetime, timed: bool) -> None:
    stamp = read_stamp(text)

    assert stamp is not None
    assert (stamp.value, stamp.timed) == (value, timed)


@pytest.mark.parametrize(
    "text",
    [
        "2026/03/12 24:00:00",
        "2026/03/12 09:60:00",
        "2026/03/12 09:15:00 ",
        "2026/02/30 09:15:00",
        "0001-01-01T00:00:00+07:00",
        "9999-12-31T23:59:59-12:00",
        "2100-12-31T17:00:00Z",
    ],
)
def test_anything_else_is_no_stamp(text: str) -> None:
    assert read_stamp(text) is None


def test_written_forms_are_read_back() -> None:
    moment = datetime(2026, 12, 31, 17, 0, 1, tzinfo=UTC)

    assert write_stamp(moment) == "2027/01/01 00:00:01"
    assert write_day(date(1945, 9, 2)) == "1945/09/02"


@pytest.mark.parametrize(
    ("document_id", "impossible"),
    [
        ("000.00.00.G98,2014/02/30,7806/VP", True),
        ("000.00.00.G98,2014/02/28,7806/VP", False),
        ("9fbfbad2-f1f8-4256-a2eb-50fb1061cddb", False),
        ("H1,2014/02/30", False),
    ],
)
def test_an_id_may_hold_a_day_that_never_was(document_id: str, impossible: bool) -> None:
    assert holds_impossible_date(document_id) is impossible

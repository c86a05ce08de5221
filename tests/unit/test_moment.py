"""Operators write and read Viet Nam's time."""

from datetime import UTC, datetime, timedelta

import pytest

from bus.cli.moment import age, read_moment, shown, shown_exactly

NOW = datetime(2026, 3, 12, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90min", NOW - timedelta(minutes=90)),
        ("3d", NOW - timedelta(days=3)),
        (" 1w ", NOW - timedelta(weeks=1)),
        ("2026-03-12T09:15", NOW),
        ("2026-03-12 09:15", NOW),
        ("2026-03-12T02:15Z", NOW),
        ("2026-03-12T04:15+02:00", NOW),
        ("12/03/2026 09:15", NOW),
        ("12/03/2026 09:15:00", NOW),
        ("12/03/2026", datetime(2026, 3, 11, 17, 0, tzinfo=UTC)),
        ("2026-03-12", datetime(2026, 3, 11, 17, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(text: str, moment: datetime) -> None:
    assert read_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "3 days", "31/02/2026", "-2h", "2h ago"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid isoformat string"):
        read_moment(text, now=NOW)


def test_what_is_shown_can_be_typed_again() -> None:
    moment = datetime(2026, 12, 31, 17, 0, 59, tzinfo=UTC)

    assert shown(moment) == "01/01/2027 00:00"
    assert read_moment(shown_exactly(moment), now=NOW) == moment


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=5, hours=7), "5 d"),
        (timedelta(seconds=-3), "0 s"),
    ],
)
def test_an_age_is_told_in_the_largest_unit(span: timedelta, told: str) -> None:
    assert age(span) == told

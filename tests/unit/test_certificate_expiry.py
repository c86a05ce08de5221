"""A certificate's end is told in time, and not oftener than it helps."""

from datetime import timedelta

import pytest

from bus.core.certificate_expiry import WARNED_AHEAD, expiry_warnings, next_change
from bus.core.keyring import CertifiedKey
from schemas.identifiers import MailboxName
from tests.support.certificates import NOW, OTHER, OWNER, signer

MONTH, WEEK, DAY = WARNED_AHEAD
SECOND = timedelta(seconds=1)


def ending_in(left: timedelta, *, owner: MailboxName = OWNER) -> CertifiedKey:
    """A certificate that ends so long from now."""
    known = signer(owner=owner, starts=NOW - timedelta(days=100), ends=NOW + left)
    return next(iter(known.ring.values()))


@pytest.mark.parametrize(
    ("left", "ahead"),
    [
        (MONTH, MONTH),
        (WEEK + SECOND, MONTH),
        (WEEK, WEEK),
        (timedelta(days=3), WEEK),
        (DAY, DAY),
        (SECOND, DAY),
    ],
)
def test_of_the_warnings_that_are_due_the_last_one_is_told(
    left: timedelta, ahead: timedelta
) -> None:
    key = ending_in(left)

    [told] = expiry_warnings([key], now=NOW)

    assert (told.key, told.ahead) == (key, ahead)


@pytest.mark.parametrize("left", [MONTH + SECOND, timedelta(days=365), -SECOND, -WEEK])
def test_what_lasts_and_what_has_ended_is_not_told(left: timedelta) -> None:
    assert expiry_warnings([ending_in(left)], now=NOW) == ()


def test_each_warning_is_told_once_and_the_next_one_still_comes() -> None:
    key = ending_in(timedelta(days=20))
    told = {(key.thumbprint, MONTH)}

    assert expiry_warnings([key], now=NOW, told=told) == ()
    assert [e.ahead for e in expiry_warnings([key], now=NOW + timedelta(days=14), told=told)] == [
        WEEK
    ]


def test_a_certificate_that_was_rotated_is_left_in_peace_and_others_are_not() -> None:
    old, new = ending_in(DAY), ending_in(timedelta(days=300))
    other = ending_in(DAY, owner=OTHER)

    assert [ending.key for ending in expiry_warnings([old, new, other], now=NOW)] == [other]


def test_a_certificate_that_begins_later_does_not_replace_one_yet() -> None:
    old = ending_in(DAY)
    later = signer(starts=NOW + timedelta(hours=1), ends=NOW + timedelta(days=300))

    assert len(expiry_warnings([old, *later.ring.values()], now=NOW)) == 1


def test_validity_changes_next_where_one_begins_or_ends_first() -> None:
    soon, late = ending_in(DAY), ending_in(WEEK)

    assert next_change([late, soon], now=NOW) == NOW + DAY
    assert next_change([late, soon], now=NOW + DAY) == NOW + WEEK
    assert next_change([late, soon], now=NOW + WEEK) is None

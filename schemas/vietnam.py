"""Viet Nam's time: +07:00 all year, a fixed offset, never a server's zone (handbook section 10)."""

from datetime import UTC, date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "+07:00")


def day_in_vietnam(moment: datetime) -> date:
    """The calendar day of an aware moment."""
    return moment.astimezone(VIETNAM).date()


def from_vietnam(local: datetime) -> datetime:
    """UTC of a stamp without a zone, as edXML writes them."""
    return local.replace(tzinfo=VIETNAM).astimezone(UTC)


def to_vietnam(moment: datetime) -> datetime:
    """Local time, without a zone, of an aware moment."""
    return moment.astimezone(VIETNAM).replace(tzinfo=None)

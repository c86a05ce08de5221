"""Time in Viet Nam: +07:00 all year, whatever the zone of the server is."""

from datetime import UTC, date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "+07:00")


def day_in_vietnam(moment: datetime) -> date:
    """The calendar day in Viet Nam at an aware time."""
    return moment.astimezone(VIETNAM).date()


def from_vietnam(local: datetime) -> datetime:
    """The UTC time of a local time without a zone, as in edXML."""
    return local.replace(tzinfo=VIETNAM).astimezone(UTC)


def to_vietnam(moment: datetime) -> datetime:
    """The local time, without a zone, of an aware time."""
    return moment.astimezone(VIETNAM).replace(tzinfo=None)

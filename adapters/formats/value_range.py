"""Value range: which dates, moments and numbers a canonical message may hold, whatever its format.

All formats have the same range, so that each can write and read what another accepts. Readers check
it, the sender checks it before it signs, and the recipient after it has verified the signature.
"""

from collections.abc import Iterator
from datetime import date, datetime

from schemas.document import Document
from schemas.limits import MAX_CODE, MAX_YEAR, MIN_YEAR
from schemas.problem import AxisError, DocumentError, Place
from schemas.status import StatusReport
from schemas.vietnam import VIETNAM

_FIRST = datetime(MIN_YEAR, 1, 1, tzinfo=VIETNAM)
_END = datetime(MAX_YEAR + 1, 1, 1, tzinfo=VIETNAM)

Value = date | int | None


def refuse_beyond(message: Document | StatusReport, path: str) -> None:
    """Refuse a message with a date, a moment or a number that not every format can carry.

    Args:
        path: The path of the message, which is put before the path of the field.

    Raises:
        DocumentError: E_RANGE with the path of the field.
    """
    for field, value in _values(message):
        if value is not None and not _is_within(value):
            raise _beyond(f"{path}.{field}" if path else field, value)


def refuse_moment_beyond(moment: datetime, path: str) -> None:
    """Refuse one moment. Raises as `refuse_beyond` does."""
    if not _is_within(moment):
        raise _beyond(path, moment)


def _values(message: Document | StatusReport) -> Iterator[tuple[str, Value]]:
    """Every date, moment and number that its type alone does not limit, with its path."""
    yield "issued_on", message.issued_on
    match message:
        case Document():
            yield "due_on", message.due_on
            yield "type_code", message.type_code
            for index, response in enumerate(message.response_for):
                yield f"response_for.{index}.issued_on", response.issued_on
            for index, hop in enumerate(message.hops):
                yield f"hops.{index}.at", hop.at
        case StatusReport():
            yield "at", message.at


def _is_within(value: date | int) -> bool:
    match value:
        case datetime():
            return _FIRST <= value < _END
        case date():
            return MIN_YEAR <= value.year <= MAX_YEAR
        case int():
            return -MAX_CODE <= value <= MAX_CODE


def _beyond(path: str, value: date | int) -> AxisError:
    place = Place(field=path)
    if isinstance(value, int):
        return DocumentError.of(
            "E_RANGE", place=place, value=value, first=-MAX_CODE, second=MAX_CODE
        )
    first, last = date(MIN_YEAR, 1, 1), date(MAX_YEAR, 12, 31)
    return DocumentError.of(
        "E_RANGE", place=place, value=value.isoformat(), first=first, second=last
    )

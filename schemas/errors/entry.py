"""What an entry of the error catalogue holds, and who must act on it."""

import re
from enum import StrEnum
from typing import NamedTuple, assert_never

from schemas.language import entries_of, texts


class Fault(StrEnum):
    """Whose fault an error is. This alone decides what happens next."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    OURS = "ours"
    WORLD = "world"
    OPERATOR = "operator"


class FailureClass(StrEnum):
    """What kind of failure ends a delivery; it decides what the dead-letter handler does."""

    SENDER = "sender"
    CONFLICT = "conflict"
    SECURITY = "security"
    RECIPIENT_DOWN = "recipient_down"
    RECIPIENT_REFUSED = "recipient_refused"
    NOT_THERE_YET = "not_there_yet"
    """Something that the delivery needs has not come yet: one of its attachments."""
    OURS = "ours"
    DELIVERY_LIMIT = "delivery_limit"
    """RabbitMQ delivered it too often without an acknowledgement: it makes a worker crash."""
    EXPIRED = "expired"
    """It stayed in the mailbox longer than a policy of the broker allows."""


class Entry(NamedTuple):
    """One error. `{name}` in a text is replaced by the problem's parameter of that name.

    Attributes:
        retryable: Whether another attempt can succeed although nobody changes anything.
        exception: The failure class of a delivery, where it does not follow from the fault.
        withheld: Whether a dead letter must not keep the content.
    """

    fault: Fault
    text_en: str
    text_vi: str
    advice_en: str
    advice_vi: str
    retryable: bool = False
    exception: FailureClass | None = None
    withheld: bool = False

    @property
    def failure_class(self) -> FailureClass:
        """The class of a delivery that fails with this error: the only place that decides it.

        A sender cannot correct what the world or an operator causes. A plug-in that raises such an
        error during a delivery breaks its contract, so the failure is ours.
        """
        if self.exception is not None:
            return self.exception
        match self.fault:
            case Fault.SENDER:
                return FailureClass.SENDER
            case Fault.RECIPIENT if self.retryable:
                return FailureClass.RECIPIENT_DOWN
            case Fault.RECIPIENT:
                return FailureClass.RECIPIENT_REFUSED
            case Fault.OURS | Fault.WORLD | Fault.OPERATOR:
                return FailureClass.OURS
            case _:
                assert_never(self.fault)


_SHARED = texts(
    """
    {EXPORT} | Export the packet again from the document system and send it again.
        | Xuất lại gói tin từ hệ thống quản lý văn bản rồi gửi lại.
    {SECURITY} | Do not trust it. Tell the operator of the axis and the sending agency.
        | Không tin gói này; báo cho đơn vị vận hành trục và cơ quan gửi.
    {CORRECT} | Correct this entry. If it is in a signed directory already, use 'lienthong agency
        edit' or 'lienthong agency remove', or go back with 'lienthong directory restore'.
        | Sửa mục này. Nếu danh bạ đã ký có mục này thì sửa bằng 'lienthong agency edit' hoặc
        'lienthong agency remove', hoặc quay lại bằng 'lienthong directory restore'.
    {RESTORE} | See the kept versions with 'lienthong directory history' and go back to one with
        'lienthong directory restore'; on an agency's own machine, copy the hub's directory again.
        | Xem các phiên bản còn lưu bằng 'lienthong directory history' và quay lại bằng
        'lienthong directory restore'; máy của cơ quan thì chép lại danh bạ từ trung tâm.
    """
)
"""Advice that several entries share, by the name that stands for it: English, Vietnamese."""

_FLAGS = frozenset({"retryable", "withheld"})


def entries(table: str) -> dict[str, Entry]:
    """Read a table of entries.

    The first line of an entry is `CODE: fault`, then `retryable`, `withheld` or the exception,
    where they differ from the defaults of `Entry`. Under it are its English and Vietnamese text and
    its English and Vietnamese advice, each indented; a line that is indented further continues the
    line before. A shared advice may be written once for both languages.

    Raises:
        ValueError: An entry has another form, or a code occurs twice.
    """
    found: dict[str, Entry] = {}
    for entry in entries_of(table):
        head, english, vietnamese, *advice = re.sub(r"\n {8,}", " ", entry).split("\n    ")
        code, _, kind = head.partition(": ")
        fault, *differs = kind.split(", ")
        exception = [FailureClass(word) for word in differs if word not in _FLAGS]
        advice_en, advice_vi = advice if len(advice) > 1 else advice * 2
        for name, (shared_en, shared_vi) in _SHARED.items():
            advice_en = advice_en.replace(name, shared_en)
            advice_vi = advice_vi.replace(name, shared_vi)
        if code in found:
            raise ValueError(f"the error {code} occurs twice")
        found[code] = Entry(
            fault=Fault(fault),
            text_en=english,
            text_vi=vietnamese,
            advice_en=advice_en,
            advice_vi=advice_vi,
            retryable="retryable" in differs,
            exception=exception[0] if exception else None,
            withheld="withheld" in differs,
        )
    return found

"""What an entry of the error catalogue holds, and who must act on it."""

from enum import StrEnum
from functools import partial
from typing import NamedTuple, assert_never


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


# One function for each fault. Its arguments, in this order: English text, Vietnamese text, English
# advice, Vietnamese advice; then, by name, what differs from the defaults of `Entry`.
sender = partial(Entry, Fault.SENDER)
security = partial(Entry, Fault.SENDER, exception=FailureClass.SECURITY)
"""The sender is not proven or not trusted: only the operator is told."""
recipient = partial(Entry, Fault.RECIPIENT)
recipient_down = partial(Entry, Fault.RECIPIENT, retryable=True)
ours = partial(Entry, Fault.OURS)
world = partial(Entry, Fault.WORLD, retryable=True)
operator = partial(Entry, Fault.OPERATOR)


def _advice(english: str, vietnamese: str) -> tuple[str, str]:
    return english, vietnamese


# Advice that several entries share: English, Vietnamese.
EXPORT = _advice(
    "Export the packet again from the document system and send it again.",
    "Xuất lại gói tin từ hệ thống quản lý văn bản rồi gửi lại.",
)
SECURITY = _advice(
    "Do not trust it. Tell the operator of the axis and the sending agency.",
    "Không tin gói này; báo cho đơn vị vận hành trục và cơ quan gửi.",
)
CORRECT = _advice(
    "Correct this entry. If it is in a signed directory already, use 'lienthong agency edit' or"
    " 'lienthong agency remove', or go back with 'lienthong directory restore'.",
    "Sửa mục này. Nếu danh bạ đã ký có mục này thì sửa bằng 'lienthong agency edit' hoặc"
    " 'lienthong agency remove', hoặc quay lại bằng 'lienthong directory restore'.",
)
RESTORE = _advice(
    "See the kept versions with 'lienthong directory history' and go back to one with "
    "'lienthong directory restore'; on an agency's own machine, copy the hub's directory again.",
    "Xem các phiên bản còn lưu bằng 'lienthong directory history' và quay lại bằng "
    "'lienthong directory restore'; máy của cơ quan thì chép lại danh bạ từ trung tâm.",
)

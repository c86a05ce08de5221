"""Failed attempts of invented deliveries, told apart by a name, and what is decided about them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from bus.core.dead_letters.letter import Decide, FailedAttempt, LetterId, LetterState
from bus.core.dead_letters.order import Action, NewOrder
from bus.core.dead_letters.retry import Disposition, Park, Retry, RetryPolicy, decide
from bus.core.dead_letters.selection import Selection
from bus.core.failure import Failure, Stage, failure_class, fingerprint
from bus.core.message import WireMessage
from schemas.identifiers import MailboxName
from schemas.problem import Place, Problem

NOW = datetime(2019, 3, 12, 8, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOWN, REFUSED, FORGED = "E_ENDPOINT_DOWN", "E_ENDPOINT_REFUSED", "E_SIGNATURE_INVALID"


def id_of(name: str) -> LetterId:
    return LetterId(sha256(name.encode()).hexdigest()[:32])


def an_attempt(
    name: str = "147",
    number: int = 1,
    *,
    at: datetime = NOW,
    code: str = DOWN,
    mailbox: str = "H24",
    sender: str = "G22",
    field: str | None = None,
    message: WireMessage | None = None,
) -> FailedAttempt:
    """The `number`th attempt to deliver what `name` tells apart."""
    problem = Problem(code=code, place=Place(field=field), params={"cause": "đã đầy"})
    box = MailboxName(mailbox)
    failure = Failure(
        problem=problem,
        stage=Stage.HAND_OVER,
        failure_class=failure_class(problem),
        mailbox=box,
        fingerprint=fingerprint(Stage.HAND_OVER, problem, box),
        routing_key=f"{sender}.{mailbox}.standard.document",
        attempt=number,
        failed_at=at,
    )
    return FailedAttempt(
        letter_id=id_of(name),
        attempt_id=f"{name} {number}",
        failure=failure,
        message=message or a_delivery(name, mailbox=mailbox, sender=sender),
        lane="standard",
        kind="document",
        sender=sender,
        reporter=f"agency.{mailbox}",
        number=f"{name}/UBND-VP",
        document_id=f"000.00.00.G22,2019/03/12,{name}/UBND-VP",
        envelope_id=sha256(f"envelope {name}".encode()).hexdigest(),
    )


def a_delivery(name: str, *, mailbox: str = "H24", sender: str = "G22") -> WireMessage:
    return WireMessage(
        exchange="",
        routing_key=f"{sender}.{mailbox}.standard.document",
        body=f'{{"number":"{name}"}}'.encode(),
        type="document",
        message_id=f"m {name}",
        signature=f"e30..{name}",
        user_id=f"agency.{sender}",
        timestamp=NOW,
        headers={"traceparent": f"00-{name}"},
    )


def park(_attempt: FailedAttempt, _attempts: int, _replays: int) -> Disposition:
    return Park()


def quarantine(_attempt: FailedAttempt, _attempts: int, _replays: int) -> Disposition:
    return Park(quarantined=True)


def retry_at(moment: datetime) -> Decide:
    return lambda _attempt, _attempts, _replays: Retry(due_at=moment)


def as_shipped(attempt: FailedAttempt, attempts: int, replays: int) -> Disposition:
    """What the handler decides unless it is told otherwise."""
    return decide(
        attempt.failure.failure_class,
        attempts=attempts,
        replays=replays,
        policy=RetryPolicy(),
        now=attempt.failure.failed_at,
        jitter=0,
    )


def an_order(action: Action = Action.REPLAY, **asked: object) -> NewOrder:
    """An order about everything, unless a selection is given."""
    whole = {"action": action, "selection": Selection(), "operator": "an.nguyen", **asked}
    return NewOrder.model_validate(whole)


def those(*names: str, **asked: object) -> Selection:
    return Selection.model_validate({"ids": tuple(map(id_of, names)), **asked})


def standing(*states: LetterState, **asked: object) -> Selection:
    return Selection.model_validate({"states": states, **asked})

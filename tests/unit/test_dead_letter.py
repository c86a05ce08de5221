"""Whatever lies in `failures` becomes a dead letter that says where it came from."""

from dataclasses import replace

from bus.core.dead_letters.letter import FailedAttempt, read_attempt, redelivery
from bus.core.failure import FAILURE_HEADER, FailureClass, Stage, fail
from bus.core.message import WireMessage
from bus.core.topology import FAILURES, REDELIVERY, queue_of
from schemas.codes import Lane
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from tests.envelopes import NOW, RECIPIENT, SENDER, Signers, an_envelope

MAILBOX = MailboxName(RECIPIENT)
UNIT = MailboxName("G98.05")
WORDS = {"G98": MAILBOX, "H98": MailboxName(SENDER), "G98-05": UNIT}


def a_delivery() -> WireMessage:
    return Signers().message(an_envelope())


def failed(message: WireMessage, mailbox: MailboxName = MAILBOX) -> WireMessage:
    return fail(
        message,
        problem=Problem(code="E_ENDPOINT_DOWN"),
        stage=Stage.HAND_OVER,
        mailbox=mailbox,
        message_id="fresh",
        user_id="agency.G98",
        now=NOW,
    )


def dead_lettered(message: WireMessage, reason: str) -> WireMessage:
    headers = {
        "x-first-death-queue": queue_of(UNIT, Lane.EXPRESS),
        "x-first-death-reason": reason,
    }
    return replace(message, exchange=FAILURES, headers={**message.headers, **headers})


def read(message: WireMessage) -> FailedAttempt:
    return read_attempt(message, WORDS, now=NOW)


def test_a_workers_failure_keeps_the_delivery_byte_for_byte() -> None:
    delivery = a_delivery()

    attempt = read(failed(delivery))

    assert attempt.message == replace(delivery, exchange="")
    assert (attempt.failure.mailbox, attempt.sender) == (MAILBOX, SENDER)
    assert (attempt.lane, attempt.kind) == ("standard", "document")
    assert attempt.number == an_envelope().document.full_number  # type: ignore[union-attr]
    assert attempt.envelope_id == an_envelope().envelope_id


def test_a_failure_told_twice_is_one_attempt_and_a_later_one_another() -> None:
    delivery = a_delivery()
    later = redelivery(delivery, attempt=2, message_id="m2", now=NOW)

    first, again, second = read(failed(delivery)), read(failed(delivery)), read(failed(later))

    assert first.attempt_id == again.attempt_id
    assert first.attempt_id != second.attempt_id
    assert {first.letter_id, again.letter_id, second.letter_id} == {first.letter_id}


def test_other_signature_bytes_are_another_letter() -> None:
    delivery = a_delivery()
    tampered = replace(delivery, signature=delivery.signature[:-1])

    assert read(failed(delivery)).letter_id != read(failed(tampered)).letter_id


def test_what_the_broker_gave_up_has_a_class_of_its_own() -> None:
    limit, expired = (
        read(dead_lettered(a_delivery(), reason)).failure
        for reason in ("delivery_limit", "expired")
    )

    assert (limit.problem.code, limit.failure_class) == (
        "E_DELIVERY_LIMIT",
        FailureClass.DELIVERY_LIMIT,
    )
    assert (expired.problem.code, expired.failure_class) == ("E_EXPIRED", FailureClass.EXPIRED)
    assert {limit.mailbox, expired.mailbox} == {UNIT}
    assert limit.stage is Stage.MAILBOX


def test_nonsense_is_kept_too() -> None:
    nonsense = WireMessage(
        exchange=FAILURES,
        routing_key="x",
        body=b"\xff\x00",
        type="",
        message_id="",
        headers={"failure": "{"},
    )

    attempt = read(nonsense)

    assert attempt.failure.problem.code == "E_FAILURE_UNREADABLE"
    assert attempt.failure.failure_class is FailureClass.OURS
    assert attempt.message.body == nonsense.body
    assert attempt.number is None


def test_a_fingerprint_that_is_none_is_not_believed() -> None:
    """Operators copy it into a command."""
    told = failed(a_delivery())
    true = read(told).failure.fingerprint
    header = told.headers[FAILURE_HEADER].replace(true, "`reboot`")

    attempt = read(replace(told, headers={**told.headers, FAILURE_HEADER: header}))

    assert attempt.failure.problem.code == "E_FAILURE_UNREADABLE"


def test_a_redelivery_has_the_same_signed_bytes_and_the_handlers_account() -> None:
    delivery = a_delivery()

    back = redelivery(delivery, attempt=2, message_id="m2", now=NOW)

    assert (back.exchange, back.routing_key) == (REDELIVERY, delivery.routing_key)
    assert (back.body, back.signature, back.type) == (
        delivery.body,
        delivery.signature,
        delivery.type,
    )
    assert (back.user_id, back.attempt, back.message_id) == ("dead-letter-handler", 2, "m2")


def test_a_rerouted_delivery_that_fails_again_is_the_same_letter() -> None:
    first = read(failed(a_delivery()))
    rerouted = redelivery(
        first.message, attempt=2, message_id="m2", now=NOW, reroute=(MAILBOX, UNIT)
    )

    again = read(failed(rerouted, UNIT))

    assert rerouted.routing_key == "H98.G98-05.standard.document"
    assert again.letter_id == first.letter_id
    assert again.failure.mailbox == UNIT

"""Whatever lies in `failures` becomes a dead letter; what is believed of it is what is proven."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bus.core.dead_letters.letter import FailedAttempt, redelivery
from bus.core.dead_letters.report import (
    NOBODYS,
    Believed,
    knows_its_way,
    read_attempt,
    set_aside,
    way_back,
)
from bus.core.failure import FAILURE_HEADER, Stage, fail
from bus.core.message import WireMessage
from bus.core.topology import FAILURES, REDELIVERY
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import DocumentError, Problem
from tests.support.agencies import routing_of
from tests.support.envelopes import NOW, RECIPIENT, SENDER, Signers, an_envelope

MAILBOX, THIRD = MailboxName(RECIPIENT), MailboxName("H41")
UNIT = MailboxName("G98.05")
SIGNERS = Signers()
BELIEVED = Believed(keys=SIGNERS.ring, routing=routing_of((SENDER, RECIPIENT, UNIT, THIRD)))
LATER = NOW + timedelta(minutes=1)


def a_delivery() -> WireMessage:
    return SIGNERS.message(an_envelope())


def failed(
    message: WireMessage,
    mailbox: MailboxName = MAILBOX,
    *,
    account: str = "hub-worker",
    at: datetime = NOW,
) -> WireMessage:
    return fail(
        message,
        problem=Problem(code="E_ENDPOINT_DOWN"),
        stage=Stage.HAND_OVER,
        mailbox=mailbox,
        message_id="fresh",
        user_id=account,
        now=at,
    )


def rewritten(message: WireMessage, old: str, new: str) -> WireMessage:
    """The same report with something else in its header."""
    header = message.headers[FAILURE_HEADER]
    assert old in header
    headers = {**message.headers, FAILURE_HEADER: header.replace(old, new)}
    return replace(message, headers=headers)


def read(message: WireMessage) -> FailedAttempt:
    return read_attempt(message, BELIEVED, now=LATER)


@pytest.mark.parametrize("account", ["hub-worker", "agency.G98"])
def test_a_workers_failure_keeps_the_delivery_byte_for_byte(account: str) -> None:
    delivery = a_delivery()

    attempt = read(failed(delivery, account=account))

    assert (attempt.message.body, attempt.message.signature, attempt.message.type) == (
        delivery.body,
        delivery.signature,
        delivery.type,
    )
    assert (attempt.failure.mailbox, attempt.sender) == (MAILBOX, SENDER)
    assert attempt.reporter == account
    assert (attempt.lane, attempt.kind) == ("standard", "document")
    assert attempt.number == an_envelope().document.full_number  # type: ignore[union-attr]
    assert attempt.envelope_id == an_envelope().envelope_id
    assert attempt.failure.failed_at == NOW


def test_who_published_a_delivery_is_believed_of_the_hubs_worker_and_of_no_agency() -> None:
    by_hub, by_agency = (
        read(failed(a_delivery(), account=account)) for account in ("hub-worker", "agency.G98")
    )

    assert by_hub.message.user_id == "agency.H98"
    assert by_agency.message.user_id is None


def test_a_failure_told_twice_is_one_attempt_and_a_later_one_another() -> None:
    delivery = a_delivery()
    first, again = read(failed(delivery)), read(failed(delivery))
    second = read(failed(redelivery(first.message, attempt=2, message_id="m2", now=NOW)))

    assert first.attempt_id == again.attempt_id
    assert first.attempt_id != second.attempt_id
    assert {first.letter_id, again.letter_id, second.letter_id} == {first.letter_id}


def test_other_signature_bytes_are_another_letter() -> None:
    delivery = a_delivery()
    tampered = replace(delivery, signature=delivery.signature[:-1])

    assert read(failed(delivery)).letter_id != read(failed(tampered)).letter_id


def test_the_same_document_reported_by_another_mailbox_is_another_letter() -> None:
    """A recipient of the same document touches nobody's letter but its own, whatever it says."""
    honest = read(failed(a_delivery()))
    thiefs = failed(a_delivery(), THIRD, account="agency.H41")
    for told in (thiefs, rewritten(thiefs, '"mailbox":"H41"', '"mailbox":"G98"')):
        attempt = read(told)

        assert attempt.failure.mailbox == THIRD
        assert attempt.letter_id != honest.letter_id


def test_what_is_not_addressed_to_the_mailbox_that_reports_it_goes_nowhere() -> None:
    attempt = read(failed(a_delivery(), THIRD, account="agency.H41"))

    assert not knows_its_way(attempt.message)
    with pytest.raises(DocumentError) as refused:
        way_back(attempt.message, mailbox=THIRD, believed=BELIEVED, now=LATER)
    assert refused.value.problem.code == "E_NOT_ADDRESSED"


def test_bytes_that_prove_nothing_frame_nobody_and_go_nowhere() -> None:
    message = replace(a_delivery(), body=b"garbage", signature="x", routing_key="G22.G98.express.x")

    attempt = read(failed(message, account="agency.G98"))

    assert (attempt.sender, attempt.lane, attempt.kind) == ("", "", "")
    assert attempt.message.user_id is None
    assert not knows_its_way(attempt.message)
    with pytest.raises(DocumentError):
        way_back(attempt.message, mailbox=MAILBOX, believed=BELIEVED, now=LATER)


def test_the_way_back_follows_from_what_was_signed_and_from_no_header() -> None:
    lying = replace(a_delivery(), routing_key="G22." + "x" * 300, type="nonsense", attempt=7)

    attempt = read(failed(lying, account="agency.G98"))
    back = redelivery(attempt.message, attempt=2, message_id="m2", now=LATER)

    assert (back.exchange, back.routing_key) == (REDELIVERY, "H98.G98.standard.document")
    assert (back.type, back.user_id, back.attempt) == ("document", "dead-letter-handler", 2)
    assert (back.body, back.signature) == (lying.body, lying.signature)


def test_a_letter_may_go_to_another_mailbox_that_serves_its_recipient() -> None:
    attempt = read(failed(a_delivery()))

    back = redelivery(attempt.message, attempt=2, message_id="m2", now=LATER, to=UNIT)

    assert back.routing_key == "H98.G98-05.standard.document"


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": None},
        {"user_id": "agency.H98"},
        {"user_id": "agency.H98", "routing_key": "H98.security", "headers": {}},
        {"user_id": "agency.G98", "headers": {FAILURE_HEADER: "{"}},
        {"user_id": "agency.G98", "foreign": "CC"},
        {"user_id": "agency.G98", "foreign": "attempt"},
    ],
)
def test_a_report_that_no_worker_makes_is_a_matter_of_security(changes: dict[str, object]) -> None:
    attempt = read(replace(failed(a_delivery()), **changes))  # type: ignore[arg-type]

    assert attempt.failure.problem.code == "E_REPORT_INVALID"
    assert attempt.failure.failure_class is FailureClass.SECURITY
    assert attempt.message.body == a_delivery().body
    proven = {"agency.G98": MAILBOX, "agency.H98": SENDER}.get(str(changes["user_id"]), NOBODYS)
    assert attempt.failure.mailbox in {proven, NOBODYS}


def test_a_code_that_nobody_knows_is_ours_to_understand() -> None:
    attempt = read(rewritten(failed(a_delivery()), "E_ENDPOINT_DOWN", "E_OF_TOMORROW"))

    assert attempt.failure.failure_class is FailureClass.OURS


def test_class_and_fingerprint_are_computed_and_not_believed() -> None:
    told = failed(a_delivery(), account="agency.G98")
    honest = read(told).failure

    lying = rewritten(told, honest.fingerprint, "`reboot`")
    lying = rewritten(lying, '"recipient_down"', '"ours"')

    assert read(lying).failure == honest


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "2001-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
    ],
)
def test_a_time_that_cannot_be_is_replaced_with_now(moment: str) -> None:
    told = rewritten(failed(a_delivery()), "2026-03-12T02:15:00Z", moment)

    assert read(told).failure.failed_at == LATER


def test_forged_deaths_are_nobodys_word() -> None:
    """The broker gives nothing up by itself: who says so with its headers is whoever says it."""
    told = replace(
        failed(a_delivery(), account="agency.H98"),
        routing_key="H98.G98.standard.document",
        foreign="x-death",
    )

    attempt = read(told)

    assert attempt.failure.problem.code == "E_REPORT_INVALID"
    assert attempt.failure.mailbox == MailboxName(SENDER)


def test_nonsense_is_kept_too() -> None:
    nonsense = WireMessage(
        exchange=FAILURES,
        routing_key="x",
        body=b"\xff\x00" * MAX_BODY_BYTES,
        type="",
        message_id="",
        headers={"failure": "{"},
    )

    attempt = read(nonsense)
    aside = set_aside(nonsense, Problem(code="E_INTERNAL"), now=LATER)

    assert len(attempt.message.body) == len(aside.message.body) == MAX_BODY_BYTES + 1
    assert attempt.failure.mailbox == NOBODYS
    assert attempt.number is None
    assert aside.letter_id != attempt.letter_id
    assert aside.failure.failure_class is FailureClass.OURS


def test_a_redelivery_has_the_same_signed_bytes_and_the_handlers_account() -> None:
    delivery = read(failed(a_delivery())).message

    back = redelivery(delivery, attempt=2**40, message_id="m2", now=NOW)

    assert (back.exchange, back.routing_key) == (REDELIVERY, a_delivery().routing_key)
    assert (back.body, back.signature, back.type) == (
        delivery.body,
        delivery.signature,
        delivery.type,
    )
    assert (back.user_id, back.message_id) == ("dead-letter-handler", "m2")
    assert back.attempt == 2**31 - 1

"""A failed attempt keeps its bytes, and equal causes look equal."""

import pytest

from bus.core.failure import (
    FAILURE_HEADER,
    REFUSED_TO_SENDER,
    Failure,
    Stage,
    fail,
    failure_class,
    fingerprint,
)
from bus.core.topology import FAILURES
from schemas.errors import ENTRIES, FailureClass, Fault
from schemas.identifiers import MailboxName
from schemas.problem import Place, Problem
from tests.support.envelopes import NOW, RECIPIENT, Signers, an_envelope

MAILBOX = MailboxName(RECIPIENT)


@pytest.mark.parametrize(
    ("code", "failure_class"),
    [
        ("E_SIGNATURE_INVALID", FailureClass.SECURITY),
        ("E_FORGED", FailureClass.SECURITY),
        ("E_CONFLICT", FailureClass.CONFLICT),
        ("E_ENDPOINT_DOWN", FailureClass.RECIPIENT_DOWN),
        ("E_ENDPOINT_REFUSED", FailureClass.RECIPIENT_REFUSED),
        ("E_INTERNAL", FailureClass.OURS),
        ("E_ATTACHMENT_ABSENT", FailureClass.SENDER),
        ("E_ATTACHMENT_AWAY", FailureClass.NOT_THERE_YET),
    ],
)
def test_a_failure_travels_with_its_original_bytes_and_reason(
    code: str, failure_class: FailureClass
) -> None:
    message = Signers().message(an_envelope())

    failed = fail(
        message,
        problem=Problem(code=code),
        stage=Stage.OPEN,
        mailbox=MAILBOX,
        message_id="2",
        user_id="agency.G98",
        now=NOW,
    )

    told = Failure.model_validate_json(failed.headers[FAILURE_HEADER])
    assert (failed.exchange, failed.routing_key) == (FAILURES, f"G98.{failure_class}")
    assert (failed.body, failed.signature, failed.type) == (
        message.body,
        message.signature,
        message.type,
    )
    assert failed.headers["original_user_id"] == message.user_id
    assert (told.failure_class, told.routing_key) == (failure_class, message.routing_key)


def test_a_fingerprint_groups_by_cause_and_not_by_wording() -> None:
    one = Problem(code="E_SCHEMA", place=Place(field="subject", line=3), params={"cause": "a"})
    same = Problem(code="E_SCHEMA", place=Place(field="subject", line=9), params={"cause": "b"})
    other = Problem(code="E_SCHEMA", place=Place(field="number"))

    assert fingerprint(Stage.OPEN, one, MAILBOX) == fingerprint(Stage.OPEN, same, MAILBOX)
    assert fingerprint(Stage.OPEN, one, MAILBOX) != fingerprint(Stage.OPEN, other, MAILBOX)
    assert fingerprint(Stage.OPEN, one, MAILBOX) != fingerprint(Stage.HAND_OVER, one, MAILBOX)


@pytest.mark.parametrize("code", ENTRIES)
def test_only_what_is_the_senders_or_refused_on_purpose_is_refused_to_the_sender(code: str) -> None:
    entry = ENTRIES[code]

    told = failure_class(Problem(code=code)) in REFUSED_TO_SENDER

    assert not told or entry.fault in {Fault.SENDER, Fault.RECIPIENT}


def test_a_code_that_nobody_knows_is_ours() -> None:
    assert failure_class(Problem(code="E_NOBODY_KNOWS")) is FailureClass.OURS

"""Names, keys and the objects that a set of mailboxes needs on the broker."""

import pytest

from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    LEDGER,
    REDELIVERY,
    Binding,
    Policy,
    Topology,
    account_of,
    desired,
    failure_key,
    queue_of,
    queues_of,
    routing_key,
)
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError

PROVINCE, OFFICE = MailboxName("H24"), MailboxName("H24.05")


def test_dots_in_a_code_do_not_become_words_of_a_key() -> None:
    key = routing_key(OFFICE, PROVINCE, Lane.EXPRESS, EnvelopeKind.RECEIPT)

    assert key == "H24-05.H24.express.receipt"
    assert queue_of(OFFICE, Lane.STANDARD) == "mailbox.H24-05.standard"
    assert account_of(OFFICE) == "agency.H24-05"
    assert failure_key(OFFICE, "sender") == "H24-05.sender"


def test_the_urgent_queue_comes_first() -> None:
    assert queues_of(PROVINCE) == ("mailbox.H24.express", "mailbox.H24.standard")


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("a.b", "a.b"),
        ("*.b", "a.b"),
        ("#", "a"),
        ("#", "a.b.c"),
        ("#", ""),
        ("a.#", "a"),
        ("a.#", "a.b.c"),
        ("#.c", "c"),
        ("#.c", "a.b.c"),
        ("a.#.c", "a.c"),
        ("a.#.c", "a.c.b.c"),
        ("a.*.#.d", "a.b.d"),
        ("#.#", "a"),
        ("*", ""),
    ],
)
def test_a_pattern_hears_a_key(pattern: str, key: str) -> None:
    assert Binding(exchange=DOCUMENTS, queue="q", pattern=pattern).matches(key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("a.b", "a"),
        ("a.b", "a.b.c"),
        ("a.b", "A.b"),
        ("*", "a.b"),
        ("*.b", "b"),
        ("a.*", "a"),
        ("a.#.c", "a.b"),
        ("a.*.#.d", "a.d"),
        ("a*", "ab"),
        ("a.b", ""),
    ],
)
def test_a_pattern_does_not_hear_a_key(pattern: str, key: str) -> None:
    assert not Binding(exchange=DOCUMENTS, queue="q", pattern=pattern).matches(key)


@pytest.mark.parametrize("exchange", [DOCUMENTS, REDELIVERY])
@pytest.mark.parametrize("lane", Lane)
def test_a_message_reaches_the_lane_of_its_recipient_and_no_other_queue(
    exchange: str, lane: Lane
) -> None:
    topology = desired([PROVINCE, OFFICE], ledger=False)

    key = routing_key(PROVINCE, OFFICE, lane, EnvelopeKind.DOCUMENT)

    assert topology.route(exchange, key) == (queue_of(OFFICE, lane),)


def test_the_ledger_hears_documents_once_and_redelivery_never() -> None:
    topology = desired([PROVINCE, OFFICE], ledger=True)
    key = routing_key(PROVINCE, OFFICE, Lane.STANDARD, EnvelopeKind.DOCUMENT)

    assert topology.route(DOCUMENTS, key) == (queue_of(OFFICE, Lane.STANDARD), LEDGER)
    assert LEDGER not in topology.route(REDELIVERY, key)


@pytest.mark.parametrize("ledger", [True, False])
def test_an_unknown_recipient_stays_unroutable(*, ledger: bool) -> None:
    topology = desired([PROVINCE], ledger=ledger)
    key = routing_key(PROVINCE, MailboxName("G01"), Lane.STANDARD, EnvelopeKind.DOCUMENT)

    assert topology.route(DOCUMENTS, key) == ()


def test_failures_hears_every_failure_and_every_dead_letter() -> None:
    topology = desired([], ledger=False)
    dead = routing_key(PROVINCE, OFFICE, Lane.EXPRESS, EnvelopeKind.DOCUMENT)

    assert topology.route(FAILURES, failure_key(OFFICE, "ours")) == (FAILURES,)
    assert topology.route(FAILURES, dead) == (FAILURES,)


def test_without_a_reader_there_is_nothing_of_the_ledger() -> None:
    topology = desired([PROVINCE], ledger=False)

    assert LEDGER not in {queue.name for queue in topology.queues}
    assert LEDGER not in {binding.queue for binding in topology.bindings}
    assert topology.policy_of(LEDGER) is None


def test_everything_is_a_topic_exchange_or_a_quorum_queue() -> None:
    topology = desired([PROVINCE, OFFICE], ledger=True)

    assert {exchange.kind for exchange in topology.exchanges} == {"topic"}
    assert {queue.kind for queue in topology.queues} == {"quorum"}


def test_every_queue_is_governed_by_exactly_one_policy() -> None:
    topology = desired([PROVINCE, OFFICE], ledger=True)

    for queue in topology.queues:
        assert len([p for p in topology.policies if p.matches(queue.name)]) == 1


def test_a_mailbox_loses_nothing_to_a_limit() -> None:
    policy = desired([OFFICE], ledger=False).policy_of(queue_of(OFFICE, Lane.STANDARD))

    assert policy is not None
    assert policy.definition["delivery-limit"] == 1_000_000_000
    assert "dead-letter-exchange" not in policy.definition
    assert policy.definition["overflow"] == "reject-publish"
    assert "max-length-bytes" in policy.definition


def test_the_queue_of_failures_refuses_when_full() -> None:
    policy = desired([PROVINCE], ledger=True).policy_of(FAILURES)

    assert policy is not None
    assert policy.definition["overflow"] == "reject-publish"
    assert "dead-letter-exchange" not in policy.definition


def test_the_queue_of_the_ledger_has_no_limit_and_refuses_nothing() -> None:
    """If one of several queues rejects, the publisher gets a nack for all of them."""
    policy = desired([PROVINCE], ledger=True).policy_of(LEDGER)

    assert policy is not None
    assert not {"overflow", "max-length", "max-length-bytes"} & policy.definition.keys()


def test_the_policy_of_the_highest_priority_is_in_force() -> None:
    low = Policy(name="low", pattern="^mailbox", definition={}, priority=0)
    high = Policy(name="high", pattern="box", definition={}, priority=1)

    assert Topology(policies=(low, high)).policy_of("mailbox.H24.express") is high
    assert Topology(policies=(low, high)).policy_of("other") is None


@pytest.mark.parametrize("code", ["", "H24 05", "H24.*", "#", "H/24", ".H24", "ĐT1"])
def test_a_code_that_cannot_be_a_word_of_a_key_is_refused(code: str) -> None:
    with pytest.raises(ConfigurationError, match="E_DIRECTORY_CODE"):
        desired([MailboxName(code)], ledger=False)


def test_two_codes_that_would_share_a_mailbox_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"H24-05 and H24\.05"):
        desired([OFFICE, MailboxName("H24-05")], ledger=False)


def test_a_mailbox_named_twice_is_one() -> None:
    assert desired([OFFICE, OFFICE], ledger=True) == desired([OFFICE], ledger=True)

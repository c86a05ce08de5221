"""Topology: the only place where the names of exchanges, queues, keys and accounts are spelled."""

from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName

DOCUMENTS = "documents"
REDELIVERY = "redelivery"
FAILURES = "failures"
LEDGER = "ledger"


def queue_of(mailbox: MailboxName, lane: Lane) -> str:
    """The queue of one lane of a mailbox."""
    return f"mailbox.{_word(mailbox)}.{lane}"


def routing_key(sender: MailboxName, recipient: MailboxName, lane: Lane, kind: EnvelopeKind) -> str:
    """The key under which `documents` routes."""
    return f"{_word(sender)}.{_word(recipient)}.{lane}.{kind}"


def failure_key(mailbox: MailboxName, failure_class: str) -> str:
    """The key of a failure."""
    return f"{_word(mailbox)}.{failure_class}"


def account_of(mailbox: MailboxName) -> str:
    """The broker account of a mailbox."""
    return f"agency.{_word(mailbox)}"


def _word(code: str) -> str:
    """Dots separate the words of a routing key, so a code must not bring its own."""
    return code.replace(".", "-")

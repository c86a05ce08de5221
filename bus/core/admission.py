"""Admission: everything that must be proven of a message before anything is done for it."""

from datetime import date, datetime

from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.routing import Routing
from bus.core.signing import CLOCK_TOLERANCE, Verified, verify
from bus.core.topology import (
    DOCUMENTS,
    HANDLER_ACCOUNT,
    REDELIVERY,
    account_of,
    queue_words,
    word,
)
from bus.core.wire import open_envelope
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import AxisError
from schemas.term import term
from schemas.vietnam import day_in_vietnam


def prove(
    message: WireMessage, *, keys: KeyRing, now: datetime, received_at: datetime | None = None
) -> Verified:
    """Prove who signed the body. Raises `DocumentError`; nothing in the body was parsed.

    Args:
        message: As received.
        keys: Whom to believe.
        now: The time of the judgement.
        received_at: When our records first hold it, if it was recorded before.
    """
    return verify(message.body, message.signature, keys=keys, now=now, received_at=received_at)


def judge_wrapping(message: WireMessage, *, queue: str) -> None:
    """Refuse a message that no sender of the axis could have published so.

    The header `CC` is seen; the broker takes `BCC` out, but what it has copied lies in a mailbox
    that its routing key does not name.

    Raises:
        DocumentError: E_HEADER_FOREIGN, E_HEADER_CONTRADICTS. Never retry.
    """
    if message.foreign:
        raise AxisError.of("E_HEADER_FOREIGN", header=message.foreign)
    _, recipient, lane, _ = (*message.routing_key.split("."), "", "", "", "")[:4]
    named = f"{recipient}.{lane}"
    if named != queue_words(queue):
        raise _contradicts("routing key", named, queue_words(queue))


def admit(
    verified: Verified,
    message: WireMessage,
    *,
    mailbox: MailboxName,
    routing: Routing,
    now: datetime,
) -> Envelope:
    """Open a proven envelope for one mailbox.

    Raises:
        DocumentError: E_NOT_ADDRESSED: it does not name this mailbox. E_FORGED: it contradicts
            itself, or the broker account that published it. E_HEADER_CONTRADICTS: the message
            around it does. E_SENDER_UNKNOWN: its mailbox may not send for its sender. Never retry.
    """
    envelope = open_envelope(verified)
    if not addressed(envelope, mailbox, routing, now=now):
        raise AxisError.of("E_NOT_ADDRESSED", mailbox=mailbox)
    # The broker checked that it is the account that published; whoever leaves it out hides.
    sender = account_of(envelope.sender_mailbox)
    if message.user_id != (HANDLER_ACCOUNT if message.exchange == REDELIVERY else sender):
        by, sender = message.user_id or term("nobody"), envelope.sender_mailbox
        cause = term("published_by_other", account=by, sender=sender)
        raise AxisError.of("E_FORGED", cause=cause)
    _compare(message, envelope, verified.signed_at)
    # By the day of the signature: what was sent on an agency's last day arrives after it.
    signed_on = day_in_vietnam(verified.signed_at)
    judge = routing.may_send if envelope.receipt is None else routing.may_report
    judge(envelope.sender_mailbox, envelope.sender, signed_on)
    return envelope


def judge_seal(envelope: Envelope, routing: Routing) -> None:
    """Refuse an admitted document that lacks the seal which the directory promises.

    Apart from `admit`, because its sender is proven, and is told.

    Raises:
        DocumentError: E_SEAL_REQUIRED: its mailbox seals what it sends, but not this.
    """
    if envelope.document is not None and routing.owner_of(envelope.sender_mailbox).seals:
        raise AxisError.of("E_SEAL_REQUIRED", mailbox=envelope.sender_mailbox)


def _compare(message: WireMessage, envelope: Envelope, signed_at: datetime) -> None:
    """Refuse a message whose properties, which nobody signed, contradict what was signed.

    They are hints, and nothing is done by them; but a wrong one shows that somebody between sender
    and recipient is lying, or wants a place in a lane that is not the document's.
    """
    sender, _, lane, kind = (*message.routing_key.split("."), "", "", "", "")[:4]
    facts = (
        ("exchange", message.exchange, (DOCUMENTS, REDELIVERY)),
        ("type", message.type, (envelope.kind.value,)),
        ("routing_key", sender, (word(envelope.sender_mailbox),)),
        ("routing_key", lane, (envelope.lane.value,)),
        ("routing_key", kind, (envelope.kind.value,)),
    )
    for header, said, signed in facts:
        if said not in signed:
            raise _contradicts(header, said, ", ".join(signed))
    # Published later than signed, however often; a clock is set by a little now and then.
    if message.timestamp is not None and message.timestamp < signed_at - CLOCK_TOLERANCE:
        raise _contradicts("timestamp", message.timestamp.isoformat(), signed_at.isoformat())


def _contradicts(header: str, said: str, signed: str) -> AxisError:
    return AxisError.of("E_HEADER_CONTRADICTS", header=header, said=said, signed=signed)


def refuse_other_names(envelope: Envelope, routing: Routing, *, on: date) -> None:
    """Refuse content that bears another sender's name than its envelope, or a status to another.

    The recipient's system reads the content alone.

    Raises:
        DocumentError: E_FORGED.
    """
    if envelope.document is not None:
        _must_be_named(envelope, envelope.document.from_agency.organ_id, routing, on)
    if envelope.receipt is not None:
        report, recipient = envelope.receipt.report, envelope.recipients[0].agency
        _must_be_named(envelope, report.from_agency.organ_id, routing, on)
        named = routing.successor(AgencyCode(report.to_organ_id), on)
        if named != routing.successor(recipient, on):
            said = report.to_organ_id
            raise AxisError.of(
                "E_FORGED", cause=term("content_to_other", recipient=recipient, said=said)
            )


def _must_be_named(envelope: Envelope, said: str, routing: Routing, on: date) -> None:
    named = routing.successor(AgencyCode(said), on)
    if named != routing.successor(envelope.sender, on):
        cause = term("content_of_other", sender=envelope.sender, said=said)
        raise AxisError.of("E_FORGED", cause=cause)


def addressed(
    envelope: Envelope, mailbox: MailboxName, routing: Routing, *, now: datetime
) -> tuple[Recipient, ...]:
    """The agencies on the signed list that a mailbox serves.

    By the word of the sender, or of the directory as it is now: an agency may have got another
    mailbox since, and operators redeliver there what its old one could not hand over.
    """
    today = day_in_vietnam(now)
    return tuple(
        recipient
        for recipient in envelope.recipients
        if mailbox == recipient.mailbox or mailbox in routing.serve(recipient.agency, today)
    )

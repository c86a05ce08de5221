"""Inspection: what a dead letter's bytes say, and what is proven of it when it is looked at."""

from dataclasses import dataclass
from datetime import datetime

from bus.core.admission import admit, judge_seal, prove
from bus.core.dead_letters.letter import redelivery, unproven
from bus.core.dead_letters.report import Believed, way_back
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.revocation.statement import Assurance, Revocation
from bus.core.routing import Routing
from bus.core.signing import Verified
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """The verdict of now; that of the failed attempt may have been another one.

    Attributes:
        envelope: What the body says; a mere claim unless `verified`. None: it is no envelope.
        verified: Who signed it and when, if the signature is good.
        doubt: Why the signature is not believed.
        refusal: Why the mailbox would refuse it, though its signature is good.
        revocation: What is said against its certificate, whether or not that forbids it.
        assurance: Who last said that its certificate is not revoked.
    """

    envelope: Envelope | None
    verified: Verified | None = None
    doubt: Problem | None = None
    refusal: Problem | None = None
    revocation: Revocation | None = None
    assurance: Assurance | None = None


def inspect(
    message: WireMessage,
    *,
    mailbox: MailboxName,
    keys: KeyRing,
    routing: Routing,
    now: datetime,
    received_at: datetime | None = None,
) -> Inspection:
    """Judge a delivery as its recipient would judge it now, if it were redelivered.

    Args:
        message: The delivery.
        mailbox: Whose.
        keys: Whom to believe.
        routing: The directory.
        now: The time of the judgement.
        received_at: When it was recorded: what a stolen key could not have made since.
    """
    claimed = unproven(message.body)
    try:
        verified = prove(message, keys=keys, now=now, received_at=received_at)
    except AxisError as error:
        return Inspection(envelope=claimed, doubt=error.problem)
    revocation = keys.revocation_of(verified.thumbprint)
    assurance = keys.assurance_of(verified.thumbprint)
    try:
        # Its recipient knows no record of ours, only that it comes now.
        back = way_back(
            message, mailbox=mailbox, believed=Believed(keys=keys, routing=routing), now=now
        )
        again = redelivery(back, attempt=message.attempt, message_id="", now=now)
        envelope = admit(verified, again, mailbox=mailbox, routing=routing, now=now)
        judge_seal(envelope, routing)
    except AxisError as error:
        return Inspection(
            envelope=claimed,
            verified=verified,
            refusal=error.problem,
            revocation=revocation,
            assurance=assurance,
        )
    return Inspection(
        envelope=envelope, verified=verified, revocation=revocation, assurance=assurance
    )

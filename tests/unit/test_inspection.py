"""A dead letter is judged anew: what is proven now is told apart from what is only said."""

from dataclasses import replace

import pytest

from bus.core.dead_letters.inspection import Inspection, inspect
from bus.core.dead_letters.order import must_serve
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.routing import Routing
from schemas.directory import Agency, Directory
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import ConfigurationError
from tests.envelopes import NOW, RECIPIENT, SENDER, Signers, a_recipient, an_envelope
from tests.letters import id_of

SIGNERS = Signers()
LETTER = id_of("147")
ROUTING = Routing(
    Directory(
        version=1,
        agencies=tuple(
            Agency(code=AgencyCode(code), name_vi=code, parent=parent, connected=parent is None)
            for code, parent in ((SENDER, None), (RECIPIENT, None), ("G98.05", RECIPIENT))
        ),
    )
)


def judged(
    message: WireMessage, *, mailbox: str = RECIPIENT, keys: KeyRing = SIGNERS.ring
) -> Inspection:
    return inspect(message, mailbox=MailboxName(mailbox), keys=keys, routing=ROUTING, now=NOW)


def test_a_good_letter_is_proven() -> None:
    found = judged(SIGNERS.message(an_envelope()))

    assert found.verified is not None
    assert found.verified.owner == MailboxName(SENDER)
    assert found.verified.signed_at == NOW
    assert found.envelope == an_envelope()
    assert (found.doubt, found.refusal) == (None, None)


def test_a_changed_letter_is_a_claim_with_the_reason_for_doubt() -> None:
    message = SIGNERS.message(an_envelope())
    changed = replace(message, body=message.body.replace(b'"147"', b'"148"'))

    found = judged(changed)

    assert found.verified is None
    assert found.doubt is not None
    assert found.doubt.code == "E_SIGNATURE_INVALID"
    assert found.envelope is not None


def test_what_is_no_envelope_has_nothing_to_say() -> None:
    found = judged(replace(SIGNERS.message(an_envelope()), body=b"\xff"))

    assert found.envelope is None


def test_a_certificate_that_arrived_meanwhile_changes_the_verdict() -> None:
    message = SIGNERS.message(an_envelope())

    before, after = judged(message, keys=KeyRing()), judged(message)

    assert before.doubt is not None
    assert before.doubt.code == "E_CERTIFICATE_UNKNOWN"
    assert after.verified is not None


def test_a_good_signature_may_still_be_refused() -> None:
    found = judged(SIGNERS.message(an_envelope()), mailbox="H24")

    assert found.verified is not None
    assert found.refusal is not None
    assert found.refusal.code == "E_NOT_ADDRESSED"


def of_unit() -> Envelope:
    """Addressed to a unit, when that still had a mailbox of its own."""
    return an_envelope(recipients=(a_recipient("G98.05"),))


def test_a_letter_may_go_where_its_recipient_is_served_now() -> None:
    must_serve(of_unit(), letter=LETTER, to=MailboxName(RECIPIENT), routing=ROUTING)


@pytest.mark.parametrize(("envelope", "to"), [(of_unit(), SENDER), (None, RECIPIENT)])
def test_a_letter_goes_nowhere_else(envelope: Envelope | None, to: str) -> None:
    with pytest.raises(ConfigurationError, match="E_REROUTE"):
        must_serve(envelope, letter=LETTER, to=MailboxName(to), routing=ROUTING)

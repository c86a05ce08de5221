"""A dead letter is judged anew: what is proven now is told apart from what is only said."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from bus.core.dead_letters.inspection import Inspection, inspect
from bus.core.dead_letters.order import must_serve
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.revocation.statement import Assurance, Revocation, RevocationReason, RevocationSource
from bus.core.routing import Routing
from schemas.directory import Agency, Directory
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import ConfigurationError
from tests.support.envelopes import NOW, RECIPIENT, SENDER, Signers, a_recipient, an_envelope
from tests.support.letters import id_of

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
    message: WireMessage,
    *,
    mailbox: str = RECIPIENT,
    keys: KeyRing = SIGNERS.ring,
    received_at: datetime | None = None,
) -> Inspection:
    # As it is kept: nobody knows any more to which exchange it went.
    return inspect(
        replace(message, exchange=""),
        mailbox=MailboxName(mailbox),
        keys=keys,
        routing=ROUTING,
        now=NOW,
        received_at=received_at,
    )


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


def stolen(at: datetime) -> KeyRing:
    """The ring of those who know that the sender's key was stolen."""
    revocation = Revocation(
        thumbprint=SIGNERS.key(SENDER).thumbprint,
        at=at,
        reason=RevocationReason.KEY_COMPROMISE,
        source=RevocationSource.CRL,
        stated_in="crl http://ca.example/a.crl",
        stated_at=at,
    )
    return KeyRing(SIGNERS.ring.values(), [revocation])


def test_what_was_recorded_before_its_key_was_stolen_is_proven_but_not_taken_any_more() -> None:
    message, keys = SIGNERS.message(an_envelope()), stolen(NOW)

    found = judged(message, keys=keys, received_at=NOW - timedelta(seconds=1))

    assert found.verified is not None
    assert found.revocation is not None
    assert found.revocation.evidence.startswith("crl http://ca.example/a.crl (")
    assert found.refusal is not None
    assert found.refusal.code == "E_CERTIFICATE_REVOKED"


def test_what_came_after_its_key_was_stolen_is_not_proven_whenever_it_says_it_was_signed() -> None:
    found = judged(
        SIGNERS.message(an_envelope()), keys=stolen(NOW + timedelta(days=1)), received_at=None
    )

    assert found.verified is None
    assert found.doubt is not None
    assert found.doubt.code == "E_CERTIFICATE_REVOKED"
    assert "crl http://ca.example/a.crl" in found.doubt.text()


def test_who_says_that_the_certificate_is_good_is_shown() -> None:
    assurance = Assurance(
        thumbprint=SIGNERS.key(SENDER).thumbprint, stated_in="ocsp http://ca.example", stated_at=NOW
    )

    found = judged(
        SIGNERS.message(an_envelope()), keys=KeyRing(SIGNERS.ring.values(), [], [assurance])
    )

    assert found.assurance == assurance


def of_unit() -> Envelope:
    """Addressed to a unit, when that still had a mailbox of its own."""
    return an_envelope(recipients=(a_recipient("G98.05"),))


def test_a_letter_may_go_where_its_recipient_is_served_now() -> None:
    must_serve(
        of_unit(), letter=LETTER, to=MailboxName(RECIPIENT), routing=ROUTING, on=date(2026, 3, 12)
    )


@pytest.mark.parametrize(("envelope", "to"), [(of_unit(), SENDER), (None, RECIPIENT)])
def test_a_letter_goes_nowhere_else(envelope: Envelope | None, to: str) -> None:
    with pytest.raises(ConfigurationError, match="E_REROUTE"):
        must_serve(
            envelope, letter=LETTER, to=MailboxName(to), routing=ROUTING, on=date(2026, 3, 12)
        )

"""A proven envelope is opened only when what it says of itself is true."""

import json
from dataclasses import replace

import pytest

from bus.core.admission import admit
from bus.core.routing import Routing
from bus.core.signing import sign, verify
from bus.core.wire import body_of, identity_of, open_envelope
from schemas.directory import Agency, Directory
from schemas.envelope import MAX_BODY_BYTES, Envelope
from schemas.identifiers import AgencyCode, EnvelopeId, MailboxName
from schemas.problem import DocumentError
from tests.support.envelopes import (
    NOW,
    RECIPIENT,
    SENDER,
    Signers,
    a_document,
    a_receipt_envelope,
    an_envelope,
)

SIGNERS = Signers()
ROUTING = Routing(
    Directory(
        agencies=tuple(
            Agency(code=AgencyCode(code), name_vi=code, connected=True)
            for code in (SENDER, RECIPIENT, "H97")
        )
    )
)


def _open_json(body: bytes) -> Envelope:
    signature = sign(body, key=SIGNERS.key(SENDER), now=NOW)
    return open_envelope(verify(body, signature, keys=SIGNERS.ring, now=NOW))


@pytest.mark.parametrize("envelope", [an_envelope(), a_receipt_envelope()])
def test_a_signed_envelope_opens_as_it_was(envelope: Envelope) -> None:
    assert open_envelope(SIGNERS.proven(envelope)) == envelope


def test_an_id_that_does_not_follow_from_the_content_is_forged() -> None:
    forged = an_envelope(envelope_id=EnvelopeId("0" * 64))

    with pytest.raises(DocumentError, match="E_FORGED"):
        open_envelope(SIGNERS.proven(forged))


def test_a_content_hash_that_does_not_follow_from_the_content_is_forged() -> None:
    forged = an_envelope().model_copy(update={"document": a_document(subject="V/v khác")})

    with pytest.raises(DocumentError, match="E_FORGED"):
        open_envelope(SIGNERS.proven(forged))


def test_a_valid_signature_of_another_agency_is_forged() -> None:
    with pytest.raises(DocumentError, match="E_FORGED"):
        open_envelope(SIGNERS.proven(an_envelope(), by=RECIPIENT))


def test_a_newer_minor_version_is_read_and_its_fields_are_ignored() -> None:
    newer = json.loads(body_of(an_envelope())) | {"version": "1.7", "novelty": {"deep": 1}}

    opened = _open_json(json.dumps(newer).encode())

    assert opened.version == "1.7"


def test_a_newer_major_version_is_a_permanent_failure_of_its_own() -> None:
    with pytest.raises(DocumentError, match="E_UNSUPPORTED_VERSION"):
        _open_json(b'{"version": "2.0", "everything": "else is different"}')


def test_an_envelope_that_breaks_the_schema_names_the_field() -> None:
    broken = json.loads(body_of(an_envelope()))
    del broken["document"]["to_agencies"]

    with pytest.raises(DocumentError, match=r"E_ENVELOPE \(field document.to_agencies\)"):
        _open_json(json.dumps(broken).encode())


def test_an_envelope_of_one_kind_cannot_hold_the_other() -> None:
    mixed = json.loads(body_of(an_envelope())) | {"kind": "receipt"}

    with pytest.raises(DocumentError, match="E_ENVELOPE"):
        _open_json(json.dumps(mixed).encode())


def test_an_oversized_body_is_refused_before_it_is_signed() -> None:
    oversized = an_envelope(a_document(raw={"x": "y" * MAX_BODY_BYTES}))

    with pytest.raises(DocumentError, match="E_TOO_LARGE"):
        body_of(oversized)


def _admit(envelope: Envelope, *, mailbox: str = RECIPIENT, **changes: object) -> Envelope:
    message = replace(SIGNERS.message(envelope), **changes)  # type: ignore[arg-type]
    return admit(
        SIGNERS.proven(envelope),
        message,
        mailbox=MailboxName(mailbox),
        routing=ROUTING,
        now=NOW,
    )


def test_an_addressed_mailbox_admits_the_envelope() -> None:
    assert identity_of(_admit(an_envelope())) == identity_of(an_envelope())


def test_a_mailbox_that_is_not_addressed_refuses() -> None:
    with pytest.raises(DocumentError, match="E_NOT_ADDRESSED"):
        _admit(an_envelope(), mailbox="H97")


def test_another_broker_account_than_the_signers_is_forged() -> None:
    with pytest.raises(DocumentError, match="E_FORGED"):
        _admit(an_envelope(), user_id="agency.H97")


def test_a_mailbox_may_not_send_for_an_agency_it_does_not_serve() -> None:
    envelope = an_envelope()
    stolen = document_as(envelope, AgencyCode("H97"))

    with pytest.raises(DocumentError, match="E_SENDER_UNKNOWN"):
        _admit(stolen)


def document_as(envelope: Envelope, sender: AgencyCode) -> Envelope:
    """The same document, truthfully hashed, in the name of another sender."""
    from bus.core.wire import envelope_of  # noqa: PLC0415

    return envelope_of(
        a_document(),
        sender=sender,
        sender_mailbox=envelope.sender_mailbox,
        recipients=envelope.recipients,
        sent_at=NOW,
    )

"""Envelopes for tests: a valid thing, with one thing changed."""

from datetime import UTC, date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from bus.core.algorithm import Algorithm
from bus.core.keyring import CertifiedKey, KeyRing
from bus.core.message import WireMessage
from bus.core.signing import SigningKey, Verified, sign, verify
from bus.core.topology import DOCUMENTS, account_of, routing_key
from bus.core.wire import body_of, envelope_of
from schemas.document import Bussiness, Document, Hop, Organization, Signer
from schemas.envelope import Envelope, Receipt, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.status import StatusReport

NOW = datetime(2026, 3, 12, 2, 15, tzinfo=UTC)
SENDER = AgencyCode("H98")
RECIPIENT = AgencyCode("G98")


def a_document(**changes: object) -> Document:
    """A complete document from H98 to G98, with fields replaced."""
    valid: dict[str, object] = {
        "from_agency": Organization(organ_id="000.00.00.H98", name="Tỉnh Ví Dụ"),
        "to_agencies": (Organization(organ_id="000.00.00.G98", name="Bộ Thí Dụ"),),
        "document_id": "000.00.00.H98,2026/03/12,147/UBND-VP",
        "number": "147",
        "notation": "UBND-VP",
        "issued_on": date(2026, 3, 12),
        "type_code": 2,
        "type_name": "Công văn",
        "subject": "V/v rà soát danh mục mẫu",
        "signer": Signer(full_name="Nguyễn Văn Mẫu"),
        "bussiness": Bussiness(),
        "hops": (Hop(organ_id="000.00.00.H98", at=NOW),),
    }
    return Document.model_validate(valid | changes)


def a_report(**changes: object) -> StatusReport:
    """Status 03 of G98 on the document above."""
    valid: dict[str, object] = {
        "from_agency": Organization(organ_id="000.00.00.G98"),
        "to_organ_id": "000.00.00.H98",
        "document_code": "147/UBND-VP",
        "document_id": "000.00.00.H98,2026/03/12,147/UBND-VP",
        "issued_on": date(2026, 3, 12),
        "code": "03",
        "description": "Văn thư đã tiếp nhận",
        "at": NOW,
    }
    return StatusReport.model_validate(valid | changes)


def a_recipient(code: str = RECIPIENT) -> Recipient:
    """An agency with a mailbox of its own."""
    return Recipient(agency=AgencyCode(code), mailbox=MailboxName(code))


def an_envelope(document: Document | None = None, **changes: object) -> Envelope:
    """The document in an envelope from H98 to G98."""
    envelope = envelope_of(
        document or a_document(),
        sender=SENDER,
        sender_mailbox=MailboxName(SENDER),
        recipients=(a_recipient(),),
        sent_at=NOW,
    )
    return envelope.model_copy(update=changes)


def a_receipt_envelope(report: StatusReport | None = None, **changes: object) -> Envelope:
    """The report in an envelope from G98 to H98."""
    envelope = envelope_of(
        Receipt(report=report or a_report()),
        sender=RECIPIENT,
        sender_mailbox=MailboxName(RECIPIENT),
        recipients=(a_recipient(SENDER),),
        sent_at=NOW,
    )
    return envelope.model_copy(update=changes)


class Signers:
    """Keys of a few agencies, and the ring that knows them."""

    def __init__(self, *codes: str) -> None:
        self._keys = {code: _key(code) for code in codes or (SENDER, RECIPIENT)}
        self.ring = KeyRing(_certified(code, key) for code, key in self._keys.items())

    def key(self, code: str) -> SigningKey:
        """The signing key of an agency."""
        return self._keys[code]

    def proven(self, envelope: Envelope, *, by: str | None = None) -> Verified:
        """The envelope signed, and verified again."""
        body = body_of(envelope)
        signature = sign(body, key=self.key(by or envelope.sender_mailbox), now=NOW)
        return verify(body, signature, keys=self.ring, now=NOW)

    def message(self, envelope: Envelope, *, to: str = RECIPIENT) -> WireMessage:
        """The envelope on the wire, as the sender's worker would publish it."""
        body = body_of(envelope)
        return WireMessage(
            exchange=DOCUMENTS,
            routing_key=routing_key(
                envelope.sender_mailbox, MailboxName(to), envelope.lane, envelope.kind
            ),
            body=body,
            type=envelope.kind,
            message_id="1",
            signature=sign(body, key=self.key(envelope.sender_mailbox), now=NOW),
            user_id=account_of(envelope.sender_mailbox),
            timestamp=NOW,
        )


def _key(code: str) -> SigningKey:
    return SigningKey(
        private_key=ec.generate_private_key(ec.SECP256R1()),
        thumbprint=f"thumbprint-of-{code}",
        algorithm=Algorithm.ES256,
    )


def _certified(code: str, key: SigningKey) -> CertifiedKey:
    return CertifiedKey(
        thumbprint=key.thumbprint,
        public_key=key.private_key.public_key(),
        owner=MailboxName(code),
        not_before=NOW - timedelta(days=365),
        not_after=NOW + timedelta(days=365),
        subject=f"CN={code}",
        issuer="CN=test authority",
    )

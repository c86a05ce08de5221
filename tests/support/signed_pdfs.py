"""Signed PDFs: a small public-key infrastructure, and PDFs that pyHanko signs with it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from io import BytesIO
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fpdf import FPDF
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import (
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    append_signature_field,
    enumerate_sig_fields,
)
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

NOW = datetime(2026, 3, 2, 8, 30, 0, tzinfo=UTC)
YEAR = timedelta(days=365)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as a file."""
        return self.certificate.public_bytes(Encoding.PEM)

    @cached_property
    def asn1(self) -> asn1_x509.Certificate:
        """The certificate as pyHanko takes it."""
        return asn1_x509.Certificate.load(self.der)

    @cached_property
    def asn1_key(self) -> asn1_keys.PrivateKeyInfo:
        """The key as pyHanko takes it."""
        der = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return asn1_keys.PrivateKeyInfo.load(der)


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A root on paper that issues what it is asked for."""

    common_name: str = "CA mẫu"
    root: Identity = field(init=False)

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(self.common_name)
        certificate = (
            _builder(subject, subject, key.public_key(), NOW - 10 * YEAR, NOW + 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .sign(key, SHA256())
        )
        object.__setattr__(self, "root", Identity(certificate=certificate, key=key))

    def signer(
        self,
        common_name: str = "Ủy ban nhân dân tỉnh Ví Dụ",
        *,
        starts: datetime = NOW - YEAR,
        ends: datetime = NOW + YEAR,
    ) -> Identity:
        """A certificate of somebody who signs documents."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._issue(common_name, key, starts, ends)

    def stamper(self, at: datetime) -> DummyTimeStamper:
        """A time-stamp authority whose clock says this."""
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        tsa = self._issue("TSA mẫu", _rsa_key(), NOW - 9 * YEAR, NOW + 9 * YEAR, stamping)
        return DummyTimeStamper(tsa.asn1, tsa.asn1_key, _store(self.root), fixed_dt=at)

    def revoking(self, identity: Identity, at: datetime) -> bytes:
        """A revocation list, DER, that names a certificate."""
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(identity.certificate.serial_number)
            .revocation_date(at)
            .build()
        )
        return (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.certificate.subject)
            .last_update(NOW - timedelta(days=1))
            .next_update(NOW + timedelta(days=30))
            .add_revoked_certificate(entry)
            .sign(self.root.key, SHA256())
            .public_bytes(Encoding.DER)
        )

    def _issue(
        self,
        common_name: str,
        key: Key,
        starts: datetime,
        ends: datetime,
        purpose: x509.ExtendedKeyUsage | None = None,
    ) -> Identity:
        builder = _builder(
            _name(common_name), self.root.certificate.subject, key.public_key(), starts, ends
        ).add_extension(_usage(certificates=False), critical=True)
        place = x509.UniformResourceIdentifier("http://ca.example/list.crl")
        point = x509.DistributionPoint([place], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if purpose is not None:
            builder = builder.add_extension(purpose, critical=True)
        return Identity(certificate=builder.sign(self.root.key, SHA256()), key=key)


@cache
def blank(text: str = "Văn bản mẫu") -> bytes:
    """An unsigned PDF of one page."""
    pdf = FPDF()
    pdf.set_creation_date(NOW)
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="Van ban mau")
    pdf.set_title(text)
    return bytes(pdf.output())


def sign(
    pdf: bytes,
    identity: Identity,
    *,
    at: datetime = NOW,
    stamper: DummyTimeStamper | None = None,
    digest: str = "sha256",
    name: str = "Signature1",
    box: tuple[int, int, int, int] | None = None,
    allows: MDPPerm | None = None,
    locks: FieldMDPSpec | None = None,
    strict: bool = True,
) -> bytes:
    """The PDF with one more signature.

    Args:
        name: Of its field; one that is there already is signed.
        box: Where it is seen on the first page; None: nowhere.
        allows: It certifies the document, and what may be done to it.
        locks: Which fields may not be filled in afterwards.
    """
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=strict)
    fields = enumerate_sig_fields(writer, with_name=name)
    if next(fields, None) is None:
        append_signature_field(writer, SigFieldSpec(name, box=box, field_mdp_spec=locks))
    signer = signers.SimpleSigner(
        signing_cert=identity.asn1,
        signing_key=identity.asn1_key,
        cert_registry=_store(),
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=name,
        md_algorithm=digest,
        certify=allows is not None,
        docmdp_permissions=allows or MDPPerm.FILL_FORMS,
    )
    by = _SignerAt(metadata, signer, timestamper=stamper)
    by.at = at
    # It has an event loop of its own, and the test may have one.
    with ThreadPoolExecutor(1) as aside:
        return bytes(aside.submit(by.sign_pdf, writer).result().getvalue())


def stamped(
    pdf: bytes, stamper: DummyTimeStamper, *, name: str, box: tuple[int, int, int, int]
) -> bytes:
    """The PDF with a time stamp of the document that can be seen."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    append_signature_field(writer, SigFieldSpec(name, box=box))
    by = signers.PdfTimeStamper(stamper, field_name=name)
    with ThreadPoolExecutor(1) as aside:
        return bytes(aside.submit(by.timestamp_pdf, writer, "sha256").result().getvalue())


def _store(*identities: Identity) -> SimpleCertificateStore:
    store = SimpleCertificateStore()
    store.register_multiple([identity.asn1 for identity in identities])
    return store


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    """pyHanko's own time-stamp authority for tests wants one."""
    return rsa.generate_private_key(65537, 2048)


class _SignerAt(signers.PdfSigner):
    """Signs with a clock of its own."""

    at = NOW

    def init_signing_session(
        self, pdf_out: BasePdfFileWriter, existing_fields_only: Any = False
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.at
        return session


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    starts: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

"""OCSP: the question about one certificate, and the proof of the answer (RFC 6960)."""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from bus.core.keyring import thumbprint_of
from bus.core.revocation.answer import Answer, check_times, reason_of, refuse
from bus.core.revocation.statement import Assurance, Revocation, RevocationReason, RevocationSource
from schemas.term import term

_BROKEN_HASHES = frozenset({"md5", "sha1"})


def question(
    certificate: x509.Certificate, issuer: x509.Certificate, *, nonce: bytes | None = None
) -> bytes:
    """The request, DER.

    The certificate is named by SHA-1 hashes, because many responders know no others (RFC 5019,
    2.1.1): they only find it, nothing is proven by them.
    """
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())  # noqa: S303
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def read_answer(
    data: bytes,
    *,
    source: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    nonce: bytes | None,
    now: datetime,
) -> Answer:
    """What a responder says of a certificate.

    Args:
        data: The response, DER.
        source: How the responder is called in evidence.
        certificate: The one that was asked about.
        issuer: Who issued it: it, or a responder that it certified for this, must have signed.
        nonce: That of the question; a responder may leave it out (RFC 8954, 2.1), not change it.
        now: The time of the judgement.

    Raises:
        TransportError: E_REVOCATION_SOURCE; it proves nothing, or the certificate is not known.
    """
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise refuse(source, term("responder_says", status=response.response_status.name))
        _prove(response, source=source, issuer=issuer, now=now)
        _check_nonce(response, nonce, source=source)
        single = _about(response, certificate, issuer, source=source)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise refuse(source, term("response_unreadable", said=error)) from error
    said_at, until = single.this_update_utc, single.next_update_utc
    check_times(source, said_at=said_at, until=until, now=now)
    thumbprint = thumbprint_of(certificate)
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            assurance = Assurance(thumbprint=thumbprint, stated_in=source, stated_at=said_at)
            return Answer(said_at=said_at, until=until, assurances=(assurance,))
        case ocsp.OCSPCertStatus.REVOKED:
            revocation = Revocation(
                thumbprint=thumbprint,
                at=single.revocation_time_utc or said_at,
                reason=reason_of(single.revocation_reason) or RevocationReason.UNSPECIFIED,
                source=RevocationSource.OCSP,
                stated_in=source,
                stated_at=said_at,
            )
            return Answer(said_at=said_at, until=until, revocations=(revocation,))
        case ocsp.OCSPCertStatus.UNKNOWN:
            name = certificate.subject.rfc4514_string()
            raise refuse(source, term("responder_unknowing", subject=name))


def _about(
    response: ocsp.OCSPResponse,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    source: str,
) -> ocsp.OCSPSingleResponse:
    for single in response.responses:
        asked = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(certificate, issuer, single.hash_algorithm)
            .build()
        )
        if (
            single.serial_number == asked.serial_number
            and single.issuer_name_hash == asked.issuer_name_hash
            and single.issuer_key_hash == asked.issuer_key_hash
        ):
            return single
    raise refuse(source, term("answer_of_other"))


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes | None, *, source: str) -> None:
    try:
        answered = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return
    if answered != nonce:
        raise refuse(source, term("answer_nonce"))


def _prove(
    response: ocsp.OCSPResponse, *, source: str, issuer: x509.Certificate, now: datetime
) -> None:
    hashed = response.signature_hash_algorithm
    if hashed is not None and hashed.name in _BROKEN_HASHES:
        raise refuse(source, term("answer_weak", algorithm=hashed.name))
    signers = [c for c in (issuer, *response.certificates) if _is_named(c, response)]
    if not signers:
        raise refuse(source, term("responder_unnamed"))
    for signer in signers:
        if signer != issuer:
            _check_delegate(signer, issuer, source=source, now=now)
        if _is_signed_by(response, signer):
            return
    raise refuse(source, term("responder_signature"))


def _is_named(certificate: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    if response.responder_name is not None:
        return certificate.subject == response.responder_name
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return digest == response.responder_key_hash


def _check_delegate(
    delegate: x509.Certificate, issuer: x509.Certificate, *, source: str, now: datetime
) -> None:
    """RFC 6960, 4.2.2.2: issued by the authority itself, for this purpose."""
    try:
        delegate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise refuse(source, term("responder_uncertified")) from error
    try:
        usage = list(delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        usage = []
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
        raise refuse(source, term("responder_usage"))
    if not delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc:
        raise refuse(source, term("responder_invalid"))


def _is_signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, hashed = signer.public_key(), response.signature_hash_algorithm
    made, over = response.signature, response.tbs_response_bytes
    try:
        match key:
            case rsa.RSAPublicKey() if hashed is not None:
                key.verify(made, over, padding.PKCS1v15(), hashed)
            case ec.EllipticCurvePublicKey() if hashed is not None:
                key.verify(made, over, ec.ECDSA(hashed))
            case ed25519.Ed25519PublicKey():
                key.verify(made, over)
            case _:
                return False
    except InvalidSignature:
        return False
    return True

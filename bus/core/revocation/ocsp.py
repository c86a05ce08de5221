"""OCSP: make a request about one certificate, and verify the response (RFC 6960)."""

from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    CRLEntryExtensionOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    OCSPExtensionOID,
)

from bus.core.certificate import UnreadableError, extension_of, read_parts, read_whole
from bus.core.keyring import thumbprint_of
from bus.core.revocation.statement import (
    BROKEN_HASHES,
    Answer,
    Assurance,
    Revocation,
    RevocationReason,
    RevocationSource,
    UnprovenError,
    check_critical,
    check_hash,
    check_times,
    most_severe,
    proving,
    reason_of,
)
from schemas.term import Term, term

_KNOWN_CRITICAL = frozenset({OCSPExtensionOID.NONCE})
_KNOWN_CRITICAL_OF_SINGLE = frozenset({CRLEntryExtensionOID.INVALIDITY_DATE})
_KNOWN_CRITICAL_OF_DELEGATES = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.OCSP_NO_CHECK,
    }
)
_PARTS = {
    "responder_name": "responder",
    "responder_key_hash": "responder",
    "responses": "answers",
    "certificates": "certificates",
    "extensions": "extensions",
    "signature_hash_algorithm": "signature",
    "signature": "signature",
    "tbs_response_bytes": "content",
}
_PARTS_OF_SINGLE = {
    "hash_algorithm": "about",
    "serial_number": "about",
    "issuer_name_hash": "about",
    "issuer_key_hash": "about",
    "certificate_status": "answers",
    "revocation_time_utc": "revoked_at",
    "revocation_reason": "revoked_why",
    "this_update_utc": "date",
    "next_update_utc": "next_date",
}


def question(
    certificate: x509.Certificate, issuer: x509.Certificate, *, nonce: bytes | None = None
) -> bytes:
    """Make the request, DER.

    SHA-1 hashes name the certificate, because many responders know no other hash (RFC 5019, 2.1.1).
    They only identify it; the security does not depend on them.
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
    """Verify a response, and find what it says about a certificate.

    Args:
        data: The response, DER.
        source: The name of the responder in evidence.
        certificate: The certificate that was asked about.
        issuer: Its issuer. The issuer, or a responder that it certified, must have signed.
        nonce: The nonce of the request. A response may omit it (RFC 8954, 2.1), not change it.

    Raises:
        TransportError: E_REVOCATION_SOURCE: the response proves nothing, or the responder does not
            know the certificate.
    """
    with proving(source):
        response = _read(data)
        _verify(response, issuer=issuer, now=now)
        check_critical(response.extensions, _KNOWN_CRITICAL)
        answered = extension_of(response.extensions, x509.OCSPNonce)
        if answered is not None and answered.nonce != nonce:
            raise UnprovenError(term("answer_nonce"))
        singles = list(response.responses)
        said = [
            _answer(single, certificate, since=_invalid_since(response), source=source, now=now)
            for single in singles
            if _is_about(single, certificate, issuer)
        ]
        if not said:
            raise UnprovenError(term("answer_of_other"))
        # A response that says both "revoked" and "not revoked" counts as "revoked".
        revoked = [revocation for each in said for revocation in each.revocations]
        if revoked:
            return replace(said[0], revocations=(most_severe(revoked),), assurances=())
        if len(singles) > 1:
            # The library does not show the extensions of one of several statements, and a critical
            # extension may restrict the statement.
            raise UnprovenError(term("answer_several"))
        check_critical(response.single_extensions, _KNOWN_CRITICAL_OF_SINGLE)
        return said[0]


def _read(data: bytes) -> ocsp.OCSPResponse:
    """Parse a successful response completely. Nothing is verified."""
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise UnprovenError(term("responder_says", status=response.response_status.name))
        read_parts(response, _PARTS)
        singles = list(response.responses)
        for single in singles:
            read_parts(single, _PARTS_OF_SINGLE)
        if len(singles) == 1:
            read_parts(response, {"single_extensions": "extensions"})
        for certificate in response.certificates:
            read_whole(certificate)
    except UnreadableError:
        raise
    except Exception as error:
        raise UnprovenError(term("response_unreadable", error=type(error).__name__)) from error
    return response


def _answer(
    single: ocsp.OCSPSingleResponse,
    certificate: x509.Certificate,
    *,
    since: datetime | None,
    source: str,
    now: datetime,
) -> Answer:
    said_at, until = single.this_update_utc, single.next_update_utc
    check_times(said_at=said_at, until=until, now=now)
    thumbprint = thumbprint_of(certificate)
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            assurance = Assurance(thumbprint=thumbprint, stated_in=source, stated_at=said_at)
            return Answer(said_at=said_at, until=until, assurances=(assurance,))
        case ocsp.OCSPCertStatus.REVOKED:
            revocation = Revocation(
                thumbprint=thumbprint,
                at=min(filter(None, (single.revocation_time_utc or said_at, since))),
                reason=reason_of(single.revocation_reason) or RevocationReason.UNSPECIFIED,
                source=RevocationSource.OCSP,
                stated_in=source,
                stated_at=said_at,
            )
            return Answer(said_at=said_at, until=until, revocations=(revocation,))
        case ocsp.OCSPCertStatus.UNKNOWN:
            name = certificate.subject.rfc4514_string()
            raise UnprovenError(term("responder_unknowing", subject=name))


def _invalid_since(response: ocsp.OCSPResponse) -> datetime | None:
    """The invalidity date in a response about one certificate, if there is one (4.4.5)."""
    if len(list(response.responses)) > 1:
        return None
    stated = extension_of(response.single_extensions, x509.InvalidityDate)
    return None if stated is None else stated.invalidity_date_utc


def _is_about(
    single: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> bool:
    asked = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, issuer, single.hash_algorithm)
        .build()
    )
    return (
        single.serial_number == asked.serial_number
        and single.issuer_name_hash == asked.issuer_name_hash
        and single.issuer_key_hash == asked.issuer_key_hash
    )


def _verify(response: ocsp.OCSPResponse, *, issuer: x509.Certificate, now: datetime) -> None:
    """Refuse a response that neither the issuer nor a responder that it certified signed.

    The certificates in a response are not signed, so all of them are tried.
    """
    check_hash(response)
    fault = term("responder_unnamed")
    for signer in (issuer, *response.certificates):
        if not _is_named(signer, response):
            continue
        if not _is_signed_by(response, signer):
            fault = term("responder_signature")
        elif signer == issuer or not (found := _fault_of_delegate(signer, issuer, now=now)):
            return
        else:
            fault = found
    raise UnprovenError(fault)


def _is_named(certificate: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    if response.responder_name is not None:
        return certificate.subject == response.responder_name
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return digest == response.responder_key_hash


def _fault_of_delegate(
    delegate: x509.Certificate, issuer: x509.Certificate, *, now: datetime
) -> Term | None:
    """Why a certificate must not sign responses for the issuer; None: it may.

    RFC 6960, 4.2.2.2, and the key usage of RFC 5280, 4.2.1.
    """
    if not _is_issued_by(delegate, issuer):
        return term("responder_uncertified")
    for extension in delegate.extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL_OF_DELEGATES:
            return term("responder_critical", oid=extension.oid.dotted_string)
    purposes = extension_of(delegate.extensions, x509.ExtendedKeyUsage) or ()
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        return term("responder_usage")
    usage = extension_of(delegate.extensions, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        return term("responder_key_usage")
    if not delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc:
        return term("responder_invalid")
    return None


def _is_issued_by(delegate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        hashed = delegate.signature_hash_algorithm
        delegate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return hashed is None or hashed.name not in BROKEN_HASHES


def _is_signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, hashed = signer.public_key(), response.signature_hash_algorithm
    made, content = response.signature, response.tbs_response_bytes
    try:
        match key:
            case rsa.RSAPublicKey() if hashed is not None:
                key.verify(made, content, padding.PKCS1v15(), hashed)
            case ec.EllipticCurvePublicKey() if hashed is not None:
                key.verify(made, content, ec.ECDSA(hashed))
            case ed25519.Ed25519PublicKey():
                key.verify(made, content)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True

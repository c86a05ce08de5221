"""Certificate: the one place where the bytes of certificates are read.

The library reads most of a certificate when it is first asked for it, and some forms of names, keys
and extensions end in errors of many kinds. So everything that the axis ever asks for is read here,
once: a certificate that came through this place never raises later.
"""

from collections.abc import Mapping

from cryptography import x509

from schemas.limits import MAX_CERTIFICATE_FILE_BYTES
from schemas.term import Term, term

_DER_SEQUENCE = b"\x30"
_PEM_BEGINNING = b"-----BEGIN CERTIFICATE-----"
_PARTS = {
    "version": "version",
    "serial_number": "serial",
    "subject": "subject",
    "issuer": "issuer",
    "not_valid_before_utc": "begin",
    "not_valid_after_utc": "end",
    "public_key_algorithm_oid": "key",
    "signature_algorithm_oid": "signature",
    "signature": "signature",
    "tbs_certificate_bytes": "content",
    "extensions": "extensions",
}
"""Every attribute that the axis asks a certificate for, with its name among the terms."""


class UnreadableError(ValueError):
    """Bytes that are no certificate, list or answer that can be read whole.

    Attributes:
        cause: Which part cannot be read.
    """

    def __init__(self, cause: Term) -> None:
        super().__init__(cause.text())
        self.cause = cause


def certificates_in(
    data: bytes, *, most: int = MAX_CERTIFICATE_FILE_BYTES
) -> list[x509.Certificate]:
    """The certificates of a PEM file in their order, or the only one of a DER file; at least one.

    Nothing is judged. What the library cannot read whole is no certificate for us: an extension
    that cannot be read may hold a limit.

    Args:
        most: How many bytes a file may have.

    Raises:
        UnreadableError: There is none, or one of them cannot be read whole.
    """
    if len(data) > most:
        raise UnreadableError(term("certificate_file_long", limit=most))
    try:
        if data.startswith(_DER_SEQUENCE):
            found = [x509.load_der_x509_certificate(data)]
        else:
            found = x509.load_pem_x509_certificates(data)
    except Exception as error:
        raise UnreadableError(term("certificate_unreadable")) from error
    if data.count(_PEM_BEGINNING) > len(found):
        raise UnreadableError(term("certificate_half"))
    for certificate in found:
        read_whole(certificate)
    return found


def read_parts(value: object, parts: Mapping[str, str]) -> None:
    """Ask a value of the library for each of these attributes once.

    Raises:
        UnreadableError: One cannot be read; which, and what the library calls the error.
    """
    for attribute, called in parts.items():
        try:
            part = getattr(value, attribute)
            if isinstance(part, x509.Name):
                part.rfc4514_string()
        except Exception as error:
            raise unreadable(called, error) from error


def kind_of(error: Exception) -> str:
    """What the library calls an error, without the words, which may quote the file."""
    return type(error).__name__


def read_whole(certificate: x509.Certificate) -> None:
    """Read every part of a certificate that the axis ever asks for. Raises `UnreadableError`."""
    read_parts(certificate, _PARTS)
    try:
        certificate.public_key()
    except Exception as error:
        raise unreadable("key", error) from error


def unreadable(part: str, error: Exception) -> UnreadableError:
    """The error about one part, a term of `schemas.terms.words`."""
    return UnreadableError(term("part_unreadable", part=part, error=kind_of(error)))

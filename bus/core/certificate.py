"""Reading certificates: the only module that parses their bytes.

The library parses most parts of a certificate on first use, and malformed names, keys and
extensions raise many kinds of errors. This module reads every part that the axis uses once, so a
certificate that it returns does not raise later.
"""

from collections.abc import Mapping
from typing import TypeVar

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
"""Every attribute of a certificate that the axis uses → the term that names it."""

Extension = TypeVar("Extension", bound=x509.ExtensionType)


class UnreadableError(ValueError):
    """A certificate, CRL or OCSP response cannot be read completely; `cause` names the part."""

    def __init__(self, cause: Term) -> None:
        super().__init__(cause.text())
        self.cause = cause


def certificates_in(
    data: bytes, *, most: int = MAX_CERTIFICATE_FILE_BYTES
) -> list[x509.Certificate]:
    """Read the certificates of a PEM file in their order, or the one of a DER file; at least one.

    Nothing is verified. A certificate with one unreadable part is refused, because an extension
    that cannot be read may restrict its use.

    Args:
        most: The largest accepted file, in bytes.

    Raises:
        UnreadableError: There is no certificate, or one of them cannot be read completely.
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
    """Read each of these attributes once.

    Args:
        parts: Name of an attribute → the term that names it.

    Raises:
        UnreadableError: One attribute cannot be read.
    """
    for attribute, name in parts.items():
        try:
            part = getattr(value, attribute)
            if isinstance(part, x509.Name):
                part.rfc4514_string()
        except Exception as error:
            raise unreadable(name, error) from error


def read_whole(certificate: x509.Certificate) -> None:
    """Read every part of a certificate that the axis uses. Raises `UnreadableError`."""
    read_parts(certificate, _PARTS)
    try:
        certificate.public_key()
    except Exception as error:
        raise unreadable("key", error) from error


def unreadable(part: str, error: Exception) -> UnreadableError:
    """The error for one part, which is a term of `schemas.terms.words.PARTS`.

    The text of `error` is dropped, because it may quote the file.
    """
    return UnreadableError(term("part_unreadable", part=part, error=type(error).__name__))


def extension_of(extensions: x509.Extensions, kind: type[Extension]) -> Extension | None:
    """The extension of this class, or None."""
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None

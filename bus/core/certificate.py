"""Certificate: the one place where the bytes of certificates are read.

The library reads most of a certificate when it is first asked for it, and some forms of names, keys
and extensions end in errors of many kinds. So everything that the axis ever asks for is read here,
once: a certificate that came through this place never raises later.
"""

from collections.abc import Mapping

from cryptography import x509

from schemas.limits import MAX_CERTIFICATE_FILE_BYTES

_DER_SEQUENCE = b"\x30"
_PEM_BEGINNING = b"-----BEGIN CERTIFICATE-----"
_PARTS = {
    "version": "its version",
    "serial_number": "its serial number",
    "subject": "the name of its subject",
    "issuer": "the name of its issuer",
    "not_valid_before_utc": "its first day",
    "not_valid_after_utc": "its last day",
    "public_key_algorithm_oid": "the kind of its key",
    "signature_algorithm_oid": "the kind of its signature",
    "signature": "its signature",
    "tbs_certificate_bytes": "its content",
    "extensions": "its extensions",
}
"""Every attribute that the axis asks a certificate for, with what it is called in a reason."""


class UnreadableError(ValueError):
    """Bytes that are no certificate, list or answer that can be read whole. Says which part."""


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
        raise UnreadableError(f"its file is longer than {most} bytes")
    try:
        if data.startswith(_DER_SEQUENCE):
            found = [x509.load_der_x509_certificate(data)]
        else:
            found = x509.load_pem_x509_certificates(data)
    except Exception as error:
        raise UnreadableError("there is no readable certificate") from error
    if data.count(_PEM_BEGINNING) > len(found):
        raise UnreadableError("one of its certificates is not whole")
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
            raise UnreadableError(f"{called} cannot be read ({kind_of(error)})") from error


def kind_of(error: Exception) -> str:
    """What the library calls an error, without the words, which may quote the file."""
    return type(error).__name__


def read_whole(certificate: x509.Certificate) -> None:
    """Read every part of a certificate that the axis ever asks for. Raises `UnreadableError`."""
    read_parts(certificate, _PARTS)
    try:
        certificate.public_key()
    except Exception as error:
        raise UnreadableError(f"its key cannot be read ({kind_of(error)})") from error

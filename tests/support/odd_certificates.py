"""Certificates and lists that are signed well, and that the library cannot read whole."""

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.algorithm import Algorithm
from tests.support.certificates import Issuer, key_for, leaf
from tests.support.revoking import a_list

_X400_ADDRESS = bytes.fromhex("a300")
_EDI_PARTY_NAME = bytes.fromhex("a505a1030c0178")
_OCSP = bytes.fromhex("06082b06010505073001")


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER value of less than 128 bytes."""
    body = b"".join(parts)
    assert len(body) < 128
    return bytes([tag, len(body)]) + body


def sequence(*parts: bytes) -> bytes:
    """A DER SEQUENCE."""
    return tlv(0x30, *parts)


def _extensions(general_name: bytes) -> Mapping[str, tuple[str, bytes]]:
    """Every extension that holds a general name."""
    return {
        "subject alternative name": ("2.5.29.17", sequence(general_name)),
        "issuer alternative name": ("2.5.29.18", sequence(general_name)),
        "information access": (
            "1.3.6.1.5.5.7.1.1",
            sequence(sequence(_OCSP, general_name)),
        ),
        "distribution point": (
            "2.5.29.31",
            sequence(sequence(tlv(0xA0, tlv(0xA0, general_name)))),
        ),
        "list issuer": ("2.5.29.31", sequence(sequence(tlv(0xA2, general_name)))),
        "authority key": ("2.5.29.35", sequence(tlv(0xA1, general_name), tlv(0x82, b"\1"))),
        "name constraints": ("2.5.29.30", sequence(tlv(0xA0, sequence(general_name)))),
    }


ODD_EXTENSIONS: Mapping[str, x509.UnrecognizedExtension] = {
    f"{called} as {place}": x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
    for called, general_name in (("x400Address", _X400_ADDRESS), ("ediPartyName", _EDI_PARTY_NAME))
    for place, (oid, value) in _extensions(general_name).items()
} | {
    "no DER at all": x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.31"), b"\xff"),
    "another type": x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.32"), bytes.fromhex("3003020100")
    ),
}
"""Extensions, well placed and signed, that the library cannot read."""


def odd_certificates(issuer: Issuer) -> Mapping[str, bytes]:
    """Certificates of an honest authority, DER, each with one thing that cannot be read."""
    public = key_for(Algorithm.ES256).public_key()
    good = leaf(issuer, public)
    found = {
        name: _der(leaf(issuer, public, extensions=[extension]))
        for name, extension in ODD_EXTENSIONS.items()
    }
    # The common name becomes a BIT STRING: the signature breaks too, and the name is read first.
    return found | {
        "a name with a BIT STRING": _der(good).replace(
            b"\x0c\x0bTest agency", b"\x03\x0bTest agency"
        ),
        "a day that is none": _der(good).replace(b"251122083000Z", b"259922083000Z"),
    }


def odd_lists(issuer: Issuer) -> Mapping[str, bytes]:
    """Lists of an authority, DER, each with one thing that cannot be read."""
    name = b"\x0c\x09Test root"
    assert name in a_list(issuer)
    point = sequence(tlv(0xA0, tlv(0xA0, _X400_ADDRESS)))
    return {
        "an issuer with a BIT STRING": a_list(issuer).replace(name, b"\x03\x09Test root"),
        "x400Address as its own point": a_list(
            issuer,
            extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), point),
        ),
        "x400Address as authority key": a_list(
            issuer,
            extension=x509.UnrecognizedExtension(
                x509.ObjectIdentifier("2.5.29.35"),
                sequence(tlv(0xA1, _X400_ADDRESS), tlv(0x82, b"\1")),
            ),
        ),
        "another kind of file": b"%PDF-1.7\n",
        "PEM without an end": b"-----BEGIN X509 CRL-----\n!",
        "nothing": b"",
    }


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)

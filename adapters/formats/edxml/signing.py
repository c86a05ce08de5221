"""Signing: add a header signature to a packet that we write.

XMLDSig namespace, rsa-sha256, SHA-256 and exclusive canonical form, over the whole packet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree  # type: ignore[import-untyped]  # lxml has no types
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from adapters.formats.edxml.names import XMLDSIG

_PLACE = b"</edXML:edXMLHeader>"
_PLACEHOLDER = f'<ds:Signature xmlns:ds="{XMLDSIG}" Id="placeholder"/>'.encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderSigner:
    """The key and certificate that sign packets."""

    private_key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate


def sign_packet(
    chunks: Iterable[bytes], signer: HeaderSigner, *, most_bytes: int
) -> Iterator[bytes]:
    """Yield a packet with its signature at the end of the header.

    A packet of more than `most_bytes` is not signed: signing needs the whole tree in memory, and
    readers would not verify it for the same reason.
    """
    chunks = iter(chunks)
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            yield from held
            yield from chunks
            return
    packet = b"".join(held)
    head, place, tail = packet.partition(_PLACE)
    yield head
    yield _signature(b"".join((head, _PLACEHOLDER, place, tail)), signer)
    yield place + tail


def _signature(packet: bytes, signer: HeaderSigner) -> bytes:
    """The `Signature` element that replaces the placeholder.

    The digest is over the packet's bytes without the placeholder, and they are not changed.
    """
    signed = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    ).sign(
        etree.fromstring(packet, etree.XMLParser(resolve_entities=False, huge_tree=True)),
        key=signer.private_key,
        cert=[signer.certificate],
    )
    element = signed.find(f".//{{{XMLDSIG}}}Signature")
    text: bytes = etree.tostring(element, with_tail=False)
    return text

"""Signature: verify the header signature of a packet: valid, invalid or not verifiable.

Only one thing is decided here: whether the key of the embedded certificate has signed exactly this
packet. Trust in the certificate and its validity in time are not judged (`docs/edxml.md`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

import pybase64
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from lxml.etree import LxmlError  # type: ignore[import-untyped]  # lxml has no types
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from adapters.formats.edxml.names import XMLDSIG
from adapters.formats.edxml.node import Node
from schemas.reading import SignatureCheck, SignatureOutcome, with_reason
from schemas.term import Term, term

_ENVELOPED = f"{XMLDSIG}enveloped-signature"
_CANONICAL = frozenset(method.value for method in CanonicalizationMethod)
_DIGESTS = {method.value: method for method in DigestAlgorithm}
_METHODS = {
    method.value: method
    for method in SignatureMethod
    if not method.name.startswith(("HMAC", "DSA"))
}
_INCLUSIVE_NAMESPACES = "{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces"
_MAX_CERTIFICATES = 8
_MOST_TRANSFORMS = 2
_MOST_PREFIXES = 16
_SHORT_RSA_BITS = 2048
_LONGEST_RSA_BITS = 8192
MOST_ATTRIBUTES = 64
"""The most attributes of one element; libxml2 sorts them in quadratic time."""
_MAX_SHOWN = 200


class UnverifiableError(Exception):
    """The signature proves neither that the packet is genuine nor that it was changed."""

    def __init__(self, reason: Term) -> None:
        super().__init__(reason.text())
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderSignature:
    """A complete signature with known algorithms, which can be verified.

    Attributes:
        weak: SHA-1 is used.
    """

    certificates: tuple[x509.Certificate, ...]
    weak: bool


def read_signature(node: Node) -> HeaderSignature:
    """Read a `Signature` element in the XMLDSig namespace, before a tree of the packet is built.

    Raises:
        UnverifiableError: It is a placeholder, incomplete, or uses an unknown algorithm.
    """
    info = _only(node, "SignedInfo")
    reference = _only(info, "Reference")
    if reference.attributes.get("URI") != "":
        raise UnverifiableError(term("covers_part"))
    _check_transforms(_only(reference, "Transforms").children.get(_ds("Transform"), []))
    _algorithm(info, "CanonicalizationMethod", _CANONICAL)
    _check_prefixes(_only(info, "CanonicalizationMethod"))
    method = _METHODS[_algorithm(info, "SignatureMethod", _METHODS)]
    digest = _DIGESTS[_algorithm(reference, "DigestMethod", _DIGESTS)]
    if len(_decoded(reference, "DigestValue")) != digest.implementation().digest_size:
        raise UnverifiableError(term("digest_value"))
    _decoded(node, "SignatureValue")
    certificates = _read_certificates(_only(_only(node, "KeyInfo"), "X509Data"))
    _nothing_but(node, "SignedInfo", "SignatureValue", "KeyInfo")
    return HeaderSignature(
        certificates=certificates,
        weak="SHA1" in method.name
        or digest is DigestAlgorithm.SHA1
        or any(map(_has_short_key, certificates)),
    )


def _check_transforms(transforms: Sequence[Node]) -> None:
    """Require: first the removal of the signature itself, then at most one canonical form.

    With other transforms, or in another order, it would not be clear what was signed.
    """
    said = [transform.attributes.get("Algorithm", "") for transform in transforms]
    for algorithm in said:
        if algorithm != _ENVELOPED and algorithm not in _CANONICAL:
            raise UnverifiableError(term("unknown_transform", value=algorithm[:_MAX_SHOWN]))
    if _ENVELOPED not in said:
        raise UnverifiableError(term("covers_itself"))
    if said[0] != _ENVELOPED or said.count(_ENVELOPED) > 1 or len(said) > _MOST_TRANSFORMS:
        raise UnverifiableError(term("odd_transforms"))
    for transform in transforms:
        _check_prefixes(transform)


def _check_prefixes(method: Node) -> None:
    """Limit the prefixes that a canonical form names: each is looked up at every element."""
    for name, children in method.children.items():
        listed = [child.attributes.get("PrefixList", "").split() for child in children]
        if name != _INCLUSIVE_NAMESPACES or len(listed) > 1 or len(listed[0]) > _MOST_PREFIXES:
            raise UnverifiableError(term("odd_canonical_form"))


def _nothing_but(node: Node, *names: str) -> None:
    """Refuse other elements in a signature: they are not signed, and might look like the packet."""
    for name in node.children:
        if name not in map(_ds, names):
            raise UnverifiableError(
                term("signature_holds", element=name.rpartition("}")[2][:_MAX_SHOWN])
            )


def _has_short_key(certificate: x509.Certificate) -> bool:
    key = _public_key(certificate)
    return isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORT_RSA_BITS


def _public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnverifiableError(term("unusual_key")) from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > _LONGEST_RSA_BITS:
        raise UnverifiableError(term("key_bits", bits=key.key_size))
    return key


def verify_signature(signature: HeaderSignature, packet: bytes) -> SignatureCheck:
    """Verify the signature over the exact bytes of the packet, without network and entities.

    Raises:
        UnverifiableError: The packet or the signature cannot be processed.
    """
    reason = None
    for certificate in signature.certificates:
        try:
            _verify(packet, certificate)
        except InvalidDigest:
            # The signature value is right, so this key signed; but it signed another content.
            reason = term("digest_differs")
            return _check(SignatureOutcome.INVALID, certificate, reason)
        except InvalidSignature:
            reason = term("value_differs")
        except (
            SignXMLException,
            UnsupportedAlgorithm,
            LxmlError,
            ValueError,
            TypeError,
            LookupError,
        ) as error:
            # signxml raises these for unusual elements and keys, not for changed bytes.
            raise UnverifiableError(term("not_processable", error=type(error).__name__)) from error
        else:
            return _check(SignatureOutcome.VERIFIED, certificate)
    return _check(SignatureOutcome.INVALID, signature.certificates[0], reason)


def _verify(packet: bytes, certificate: x509.Certificate) -> None:
    XMLVerifier().verify(
        packet,
        x509_cert=certificate,
        validate_schema=False,
        expect_config=SignatureConfiguration(
            signature_methods=frozenset(_METHODS.values()),
            digest_algorithms=frozenset(_DIGESTS.values()),
            # Any moment at which the certificate is valid: its validity is not judged here.
            verification_time=certificate.not_valid_before_utc,
        ),
    )


def _check(
    outcome: SignatureOutcome, certificate: x509.Certificate, reason: Term | None = None
) -> SignatureCheck:
    try:
        signer = certificate.subject.rfc4514_string()
    except (ValueError, TypeError):
        # Names are decoded late, and some of them raise one of these.
        signer = None
    check = SignatureCheck(
        outcome=outcome,
        signer=signer,
        certificate_sha256=sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    )
    return check if reason is None else with_reason(check, reason)


def _read_certificates(data: Node) -> tuple[x509.Certificate, ...]:
    nodes = data.children.get(_ds("X509Certificate"), [])
    if not 0 < len(nodes) <= _MAX_CERTIFICATES:
        raise UnverifiableError(term("no_certificate_in_signature"))
    try:
        return tuple(x509.load_der_x509_certificate(pybase64.b64decode(n.text)) for n in nodes)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise UnverifiableError(term("certificate_cut")) from error


def _algorithm(parent: Node, name: str, known: Collection[str]) -> str:
    uri = _only(parent, name).attributes.get("Algorithm", "")
    if uri not in known:
        raise UnverifiableError(term("unknown_algorithm", value=uri[:_MAX_SHOWN]))
    return uri


def _decoded(parent: Node, name: str) -> bytes:
    node = _only(parent, name)
    if node.children:
        raise UnverifiableError(term("no_base64", element=name))
    text = "".join(node.text.split())
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise UnverifiableError(term("no_base64", element=name)) from error


def _only(parent: Node, name: str) -> Node:
    nodes = parent.children.get(_ds(name), [])
    if len(nodes) != 1:
        raise UnverifiableError(
            term("element_missing" if not nodes else "element_several", element=name)
        )
    return nodes[0]


def _ds(name: str) -> str:
    return f"{{{XMLDSIG}}}{name}"

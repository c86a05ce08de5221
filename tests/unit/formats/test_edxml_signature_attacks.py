"""Known attacks on XML signatures: none of them makes a packet `verified` that was not signed so.

Wrapping (McIntosh and Austel 2005), key confusion, transforms that decide what is signed, comments
that split texts (2018), and what only costs time.
"""

import time
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree  # type: ignore[import-untyped]  # lxml has no types
from signxml.algorithms import SignatureMethod

from schemas.document import Document
from schemas.reading import Reading, SignatureOutcome
from tests.support.builders import QCVN, encoded, read_packet, refusal, warned
from tests.unit.formats.test_edxml_signature import XMLDSIG, certificate_for, rsa_key, signed

EVIL = b"%PDF-1.7 evil"
_SECONDS = 5.0


def read(text: str) -> Reading:
    """Read within a time that a neighbour can bear."""
    began = time.monotonic()
    reading = read_packet(text.encode())
    assert time.monotonic() - began < _SECONDS
    return reading


def outcome(text: str) -> tuple[SignatureOutcome, str]:
    signature = read(text).signature
    return signature.outcome, signature.why.text() if signature.why else ""


def put(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def hidden(element: str) -> str:
    """A signed packet with an element inside its signature, where the digest does not see it."""
    return put(signed(), "</ds:Signature>", f"<ds:Object>{element}</ds:Object></ds:Signature>")


def document(text: str) -> Document:
    message = read(text).message
    assert isinstance(message, Document)
    return message


# --- wrapping -------------------------------------------------------------------------------------


def test_an_attachment_hidden_in_the_signature_is_neither_taken_nor_verified() -> None:
    attachment = encoded("evil.pdf", EVIL, content_id="cid:evil")
    text = hidden(f'<AttachmentEncoded xmlns="{QCVN}">{attachment}</AttachmentEncoded>')

    assert outcome(text) == (SignatureOutcome.UNVERIFIABLE, "it contains Object")
    assert [each.name for each in document(text).attachments] == ["a.pdf"]


def test_a_manifest_hidden_in_the_key_is_not_read() -> None:
    manifest = (
        f'<edXMLManifest xmlns="{QCVN}"><Reference><ContentId>cid:1</ContentId>'
        "<AttachmentName>evil.exe</AttachmentName></Reference></edXMLManifest>"
    )
    text = put(signed(), "</ds:KeyInfo>", f"{manifest}</ds:KeyInfo>")

    assert [each.name for each in document(text).attachments] == ["a.pdf"]


def test_a_header_hidden_in_the_signature_is_not_read() -> None:
    header = (
        f'<edXML:MessageHeader xmlns:edXML="{QCVN}"><edXML:Subject>evil</edXML:Subject>'
        "</edXML:MessageHeader>"
    )

    assert document(hidden(header)).subject == "V/v rà soát danh mục mẫu"


def test_a_signed_header_moved_aside_for_another_is_invalid() -> None:
    text = signed()
    start = text.index("<edXML:MessageHeader>")
    end = text.index("</edXML:MessageHeader>") + len("</edXML:MessageHeader>")
    original = text[start:end]
    evil = original.replace("rà soát", "bãi bỏ")

    for moved in (evil + original, f"{evil}<edXML:Wrapper>{original}</edXML:Wrapper>"):
        assert read(text.replace(original, moved)).signature.outcome is SignatureOutcome.INVALID


def test_a_second_attachment_is_invalid() -> None:
    evil = encoded("evil.pdf", EVIL, content_id="cid:2")
    text = put(signed(), "</AttachmentEncoded>", f"{evil}</AttachmentEncoded>")

    assert read(text).signature.outcome is SignatureOutcome.INVALID


def test_a_signature_within_a_signature_is_not_chosen_from() -> None:
    text = signed()
    start, end = text.index("<ds:Signature "), text.index("</ds:Signature>") + 15
    whole = text[start:end]
    nested = whole.replace("</ds:Signature>", f"<ds:Object>{whole}</ds:Object></ds:Signature>")

    assert outcome(text.replace(whole, nested))[0] is SignatureOutcome.UNVERIFIABLE


def test_a_signature_in_an_attachment_takes_part_in_nothing() -> None:
    text = signed()
    start, end = text.index("<ds:Signature "), text.index("</ds:Signature>") + 15
    inner = put(text, "<AttachmentName>", f"{text[start:end]}<AttachmentName>")

    assert outcome(inner) == (SignatureOutcome.UNVERIFIABLE, "there are several signatures")


@pytest.mark.parametrize("uri", ['URI="#x"', 'URI="#xpointer(/)"', 'URI="http://a.example/"', ""])
def test_only_a_reference_to_the_whole_packet_counts(uri: str) -> None:
    text = put(signed(), 'URI=""', uri)

    assert outcome(text) == (SignatureOutcome.UNVERIFIABLE, "it does not cover the whole packet")


# --- transforms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm",
    [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        f"{XMLDSIG}base64",
        "",
    ],
)
def test_a_transform_that_chooses_what_is_signed_is_not_followed(algorithm: str) -> None:
    more = f'<ds:Transform Algorithm="{algorithm}"/></ds:Transforms>'

    told = outcome(put(signed(), "</ds:Transforms>", more))

    assert told == (SignatureOutcome.UNVERIFIABLE, f"unknown transform {algorithm}")


@pytest.mark.parametrize("count", [2, 20_000])
def test_more_transforms_than_are_needed_are_not_followed(count: int) -> None:
    more = '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>' * count

    found = outcome(put(signed(), "</ds:Transforms>", f"{more}</ds:Transforms>"))

    assert found[0] is SignatureOutcome.UNVERIFIABLE
    assert "order or number" in found[1]


def test_many_prefixes_to_look_for_at_every_element_are_not_looked_for() -> None:
    listed = " ".join(f"p{number}" for number in range(20_000))
    parameter = (
        '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" '
        f'PrefixList="{listed}"/>'
    )
    transforms = signed().replace(
        '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>',
        f'<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">{parameter}'
        "</ds:Transform>",
    )

    assert outcome(transforms) == (
        SignatureOutcome.UNVERIFIABLE,
        "a canonical form has unusual parameters",
    )


def test_many_references_are_not_followed() -> None:
    text = signed()
    start, end = text.index("<ds:Reference "), text.index("</ds:Reference>") + 15

    found = outcome(text.replace(text[start:end], text[start:end] * 5_000))

    assert found == (SignatureOutcome.UNVERIFIABLE, "it has several Reference")


def test_many_attributes_are_not_sorted() -> None:
    many = " ".join(f'a{number}=""' for number in range(60_000))

    found = outcome(put(signed(), "<edXML:Code>", f"<edXML:Code {many}>"))

    assert found == (SignatureOutcome.UNVERIFIABLE, "an element has more than 64 attributes")


def test_a_packet_of_many_elements_is_verified_in_bounded_time() -> None:
    many = "<edXML:X/>" * 90_000

    assert outcome(put(signed(), "</edXML:OtherInfo>", f"{many}</edXML:OtherInfo>"))[0] in {
        SignatureOutcome.INVALID,
        SignatureOutcome.UNVERIFIABLE,
    }


# --- keys -----------------------------------------------------------------------------------------


def test_an_hmac_with_the_public_key_as_its_secret_is_not_even_tried() -> None:
    """As in CVE-2016-10555: the certificate is known to everybody."""
    name = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    text = put(signed(), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", name)
    info = etree.fromstring(text.encode()).find(f".//{{{XMLDSIG}}}SignedInfo")
    canonical = etree.tostring(info, method="c14n", exclusive=True)
    public = certificate_for(rsa_key()).public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        certificate_for(rsa_key()).public_bytes(Encoding.PEM),
    ):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(canonical)
        start = text.index("<ds:SignatureValue>") + len("<ds:SignatureValue>")
        end = text.index("</ds:SignatureValue>")
        forged = text[:start] + b64encode(mac.finalize()).decode() + text[end:]

        assert outcome(forged) == (SignatureOutcome.UNVERIFIABLE, f"unknown algorithm {name}")


def test_a_key_without_a_certificate_is_nobodys() -> None:
    numbers = rsa_key().public_key().public_numbers()
    modulus = b64encode(numbers.n.to_bytes(256, "big")).decode()
    value = (
        f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>"
        "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )
    text = signed()
    start, end = text.index("<ds:X509Data>"), text.index("</ds:X509Data>") + 14

    found = outcome(text.replace(text[start:end], value))

    assert found == (SignatureOutcome.UNVERIFIABLE, "it has no X509Data")


def test_a_key_that_contradicts_the_certificate_decides_nothing() -> None:
    other = b64encode(
        rsa.generate_private_key(65537, 2048).public_key().public_numbers().n.to_bytes(256, "big")
    ).decode()
    value = (
        f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{other}</ds:Modulus>"
        "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )

    found = outcome(put(signed(), "<ds:KeyInfo>", f"<ds:KeyInfo>{value}"))

    assert found[0] is not SignatureOutcome.VERIFIED


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), dsa.generate_private_key(2048)], ids=type
)
def test_a_certificate_of_another_kind_of_key_decides_nothing(
    key: ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey,
) -> None:
    der = certificate_for(key).public_bytes(Encoding.DER)

    assert outcome(_with_certificate(signed(), der))[0] is SignatureOutcome.UNVERIFIABLE


@pytest.mark.parametrize("value", [bytes(64), b"\0" * 63 + b"\1", b"\xff" * 64, b"\1", b""])
def test_an_ecdsa_value_of_nothing_is_no_signature(value: bytes) -> None:
    """CVE-2022-21449: r and s of zero."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = signed(key=key, method=SignatureMethod.ECDSA_SHA256)
    start = text.index("<ds:SignatureValue>") + len("<ds:SignatureValue>")
    end = text.index("</ds:SignatureValue>")

    forged = text[:start] + b64encode(value).decode() + text[end:]

    assert outcome(forged)[0] is not SignatureOutcome.VERIFIED


def test_a_short_rsa_key_is_weak() -> None:
    reading = read(signed(key=rsa.generate_private_key(65537, 1024)))  # noqa: S505

    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert warned(reading) == ["W_SIGNATURE_WEAK"]


# --- texts ----------------------------------------------------------------------------------------


def test_a_comment_that_splits_a_text_does_not_change_what_is_read() -> None:
    """A canonical form leaves comments out: whoever reads only up to one is deceived."""
    text = put(signed(), "000.00.07.H99", "000.00.07.H9<!-- -->9")
    reading = read(text)

    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert isinstance(reading.message, Document)
    assert reading.message.to_agencies[0].organ_id == "000.00.07.H99"


def test_a_comment_in_the_digest_does_not_verify_another_content() -> None:
    text = put(signed(), "<ds:DigestValue>", "<ds:DigestValue><!-- -->")

    assert outcome(text.replace("rà soát", "bãi bỏ"))[0] is not SignatureOutcome.VERIFIED


def test_a_document_type_in_the_key_refuses_the_packet() -> None:
    problem = refusal(
        put(signed(), "<ds:KeyInfo>", "<ds:KeyInfo><!DOCTYPE a [<!ENTITY b 'c'>]>").encode()
    )

    assert problem.code in {"E_DTD", "E_NOT_WELL_FORMED"}


def _with_certificate(text: str, der: bytes) -> str:
    start = text.index("<ds:X509Certificate>") + len("<ds:X509Certificate>")
    end = text.index("</ds:X509Certificate>")
    return text[:start] + b64encode(der).decode() + text[end:]

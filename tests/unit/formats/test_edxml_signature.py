"""The header signature has three outcomes, and none of them refuses a message."""

import base64
from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]  # lxml has no types
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from adapters.contract import Limits
from schemas.reading import Reading, SignatureOutcome
from tests.support.builders import PDF, encoded, listed, packet, read_packet, warned

XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
PLACEHOLDER = f'<ds:Signature xmlns:ds="{XMLDSIG}" Id="placeholder"></ds:Signature>'
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
INCLUSIVE = CanonicalizationMethod.CANONICAL_XML_1_0

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey


class _AnySigner(XMLSigner):
    """Signs with SHA-1 too, as many producers still do."""

    def check_deprecated_methods(self) -> None:
        """All are welcome."""


def said(reading: Reading) -> str:
    return reading.signature.why.text() if reading.signature.why else ""


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate_for(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Văn thư tỉnh Ví Dụ")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2019, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )


def signed(
    *changes: tuple[str, str],
    key: Key | None = None,
    method: SignatureMethod = SignatureMethod.RSA_SHA256,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    c14n: CanonicalizationMethod = EXCLUSIVE,
) -> str:
    """A packet with a true header signature; its certificate has long expired."""
    key = key or rsa_key()
    data = packet(
        ("</edXML:edXMLHeader>", f"{PLACEHOLDER}</edXML:edXMLHeader>"),
        listed("a.pdf"),
        *changes,
        files=encoded("a.pdf", PDF),
    )
    signer = _AnySigner(signature_algorithm=method, digest_algorithm=digest, c14n_algorithm=c14n)
    tree = signer.sign(etree.fromstring(data), key=key, cert=[certificate_for(key)])
    text: str = etree.tostring(tree, xml_declaration=True, encoding="UTF-8").decode()
    return text


def read(text: str, limits: Limits | None = None) -> Reading:
    return read_packet(text.encode(), limits=limits)


@pytest.mark.parametrize("c14n", [EXCLUSIVE, INCLUSIVE])
def test_a_true_signature_is_verified_and_names_its_signer(c14n: CanonicalizationMethod) -> None:
    reading = read(signed(c14n=c14n))
    der = certificate_for(rsa_key()).public_bytes(Encoding.DER)

    assert reading.warnings == ()
    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert reading.signature.signer == "CN=Văn thư tỉnh Ví Dụ"
    assert reading.signature.certificate_sha256 == sha256(der).hexdigest()


def test_elliptic_curves_are_verified_too() -> None:
    text = signed(key=ec.generate_private_key(ec.SECP256R1()), method=SignatureMethod.ECDSA_SHA256)

    assert read(text).signature.outcome is SignatureOutcome.VERIFIED


def test_junk_before_the_packet_does_not_break_its_signature() -> None:
    assert read("12\n" + signed()).signature.outcome is SignatureOutcome.VERIFIED


def test_sha1_is_verified_but_weak() -> None:
    reading = read(signed(method=SignatureMethod.RSA_SHA1, digest=DigestAlgorithm.SHA1))

    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert warned(reading) == ["W_SIGNATURE_WEAK"]


@pytest.mark.parametrize("c14n", [EXCLUSIVE, INCLUSIVE])
def test_any_changed_content_makes_it_invalid_and_is_accepted(c14n: CanonicalizationMethod) -> None:
    reading = read(signed(c14n=c14n).replace("rà soát", "bãi bỏ"))

    assert reading.signature.outcome is SignatureOutcome.INVALID
    assert said(reading) == "the content does not match its digest"
    assert reading.signature.signer == "CN=Văn thư tỉnh Ví Dụ"
    assert warned(reading) == ["W_SIGNATURE_INVALID"]


def test_a_changed_attachment_makes_it_invalid() -> None:
    content = b64encode(PDF).decode()
    text = signed().replace(content, b64encode(PDF + b"\n%").decode())

    assert read(text).signature.outcome is SignatureOutcome.INVALID


def test_it_says_so_when_hops_may_be_the_reason() -> None:
    hop = "<edXML:TraceHeader><edXML:OrganId>H1</edXML:OrganId></edXML:TraceHeader>"
    reading = read(signed().replace("<edXML:Bussiness>", f"{hop}<edXML:Bussiness>"))

    assert reading.signature.outcome is SignatureOutcome.INVALID
    assert "2 hops" in said(reading)


@cache
def signed_once() -> str:
    return signed()


def with_certificate(der: bytes) -> str:
    """The packet with another certificate in its signature, which nothing protects."""
    text = signed_once()
    start = text.index("<ds:X509Certificate>") + len("<ds:X509Certificate>")
    end = text.index("</ds:X509Certificate>")
    return text[:start] + base64.b64encode(der).decode() + text[end:]


def test_another_key_makes_it_invalid() -> None:
    other = certificate_for(rsa.generate_private_key(65537, 2048)).public_bytes(Encoding.DER)

    assert read(with_certificate(other)).signature.outcome is SignatureOutcome.INVALID


@given(data=st.data())
def test_whatever_certificate_comes_along_the_packet_is_read(data: st.DataObject) -> None:
    """Names, keys and dates are read late, and end in errors of many kinds."""
    der = bytearray(certificate_for(rsa_key()).public_bytes(Encoding.DER))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at] = data.draw(st.integers(0, 255) | st.sampled_from(b"\x03\x0c\x17\x30\xa4"))

    assert read(with_certificate(bytes(der))).message is not None


def test_a_signer_whose_name_cannot_be_read_is_unverifiable() -> None:
    der = certificate_for(rsa_key()).public_bytes(Encoding.DER)
    name = "Văn thư tỉnh Ví Dụ".encode()
    odd = der.replace(bytes([0x0C, len(name)]) + name, bytes([0x03, len(name)]) + name)
    assert odd != der

    reading = read(with_certificate(odd))

    assert reading.signature.outcome is SignatureOutcome.UNVERIFIABLE
    assert reading.message is not None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (XMLDSIG + '"', 'http://www.mic.gov.vn/TBT/QCVN_102_2016"', "wrong namespace"),
        ("2001/10/xml-exc-c14n#", "TR/xml-exc-c14n#", "unknown transform"),
        ("2001/04/xmlenc#sha256", "2001/04/xmlenc#md5", "unknown algorithm"),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256", "unknown algorithm"),
        ('URI=""', 'URI="#a"', "whole packet"),
        ("<ds:DigestValue>", "<ds:DigestValue>QUJD", "is not a digest"),
        ("<ds:DigestValue>", "<ds:DigestValue>digest…", "not base64"),
        ("ds:SignatureValue>", "ds:Value>", "no SignatureValue"),
        ("ds:X509Certificate>", "ds:Certificate>", "no certificate"),
        ("<ds:X509Certificate>MII", "<ds:X509Certificate>MI", "incomplete"),
        ("<ds:KeyInfo>", "<ds:KeyInfo/><ds:KeyInfo>", "several KeyInfo"),
        (
            f"{XMLDSIG}enveloped-signature",
            "http://www.w3.org/2001/10/xml-exc-c14n#",
            "covers itself",
        ),
    ],
)
def test_what_cannot_be_verified_is_neither_true_nor_false(old: str, new: str, reason: str) -> None:
    text = signed()
    assert old in text
    reading = read(text.replace(old, new))

    assert reading.signature.outcome is SignatureOutcome.UNVERIFIABLE
    assert reason in said(reading)
    assert "W_SIGNATURE_UNVERIFIABLE" in warned(reading)
    assert reading.message.raw == {}


def test_two_signatures_are_unverifiable() -> None:
    text = signed()
    start, end = text.index("<ds:Signature "), text.index("</ds:Signature>") + 15
    hidden = f"<edXML:To>{text[start:end]}</edXML:To>"
    reading = read(text.replace("<edXML:DocumentId>", f"{hidden}<edXML:DocumentId>"))

    assert said(reading) == "there are several signatures"


@pytest.mark.parametrize(
    "place",
    [
        "<edXML:From>\n          <edXML:OrganId>000.00.00.H98|</edXML:OrganId>",
        "000.00.07.H99|</edXML:OrganId>",
        "147/UBND-VP|</edXML:DocumentId>",
        "147|</edXML:CodeNumber>",
        "|UBND-VP</edXML:CodeNotation>",
        "2026/03/12|</edXML:PromulgationDate>",
        "<edXML:Type>2|</edXML:Type>",
        "Công văn|</edXML:TypeName>",
        "mẫu|</edXML:Subject>",
        "|V/v",
        "V/v|",
        "Mẫu|</edXML:FullName>",
        "0|</edXML:Priority>",
        "09:15:00|</edXML:Timestamp>",
        "0|</edXML:BussinessDocType>",
        "a.pdf|</edXML:AttachmentName>",
        "a.pdf|</AttachmentName>",
        "|</edXML:MessageHeader>",
        "|</edXML:TraceHeaderList>",
        "|</edXML:edXMLManifest>",
        "|</edXML:edXMLEnvelope>",
        "|</edXML>",
        "|</Attachment>",
        "<edXML:Subject><New>|</New>",
    ],
)
def test_a_signature_outside_its_place_proves_nothing_and_hides_nothing(place: str) -> None:
    """Verifying takes it out of the packet; other readers may show less of its element."""
    before, _, after = place.partition("|")
    old = before.removesuffix("<New>") + after.removeprefix("</New>")
    moved = (old, f"{before}{PLACEHOLDER}{after}")
    away = (f"{PLACEHOLDER}</edXML:edXMLHeader>", "</edXML:edXMLHeader>")
    reading = read(signed(away, moved))

    assert reading.signature.outcome is SignatureOutcome.UNVERIFIABLE
    assert reading.signature.reason == "signature_misplaced"
    assert warned(reading)[-1] == "W_SIGNATURE_UNVERIFIABLE"
    assert reading.message.without_raw() == read(signed()).message


@pytest.mark.parametrize(
    "change",
    [
        ("<edXML:Subject>", "<edXML:Subject>V/v khác</edXML:Subject><edXML:Subject>"),
        ("V/v rà soát", "V/v <edXML:b>khác</edXML:b>rà soát"),
        ("<edXML:Code>", "<edXML:Code>khác"),
        ("<edXML:From>", "<edXML:From><edXML:OrganId>H1</edXML:OrganId></edXML:From><edXML:From>"),
        ("<AttachmentName>a.pdf", "<AttachmentName>b.pdf</AttachmentName><AttachmentName>a.pdf"),
        ("<edXML:Subject>", '<Subject xmlns="urn:khac">V/v khác</Subject><edXML:Subject>'),
        ("<AttachmentName>a", '<AttachmentName xmlns="">b.pdf</AttachmentName><AttachmentName>a'),
    ],
    ids=[
        *("twice", "mixed", "text in a container", "two senders", "two file names"),
        *("another namespace", "none"),
    ],
)
def test_what_other_readers_may_read_otherwise_is_not_verified(change: tuple[str, str]) -> None:
    """The recipient would get the original, and its reader might choose the other one."""
    reading = read(signed(change))

    assert reading.signature.outcome is SignatureOutcome.UNVERIFIABLE
    assert reading.signature.reason == "readers_differ"
    assert warned(reading)[-1] == "W_SIGNATURE_UNVERIFIABLE"


def test_attachments_that_other_readers_do_not_find_are_not_verified() -> None:
    end = "</edXML:edXMLEnvelope>"
    data = signed((end, ""), ("</AttachmentEncoded>", f"</AttachmentEncoded>{end}"))

    assert read(data).signature.reason == "readers_differ"


@pytest.mark.parametrize("note", ["<!-- ghi chú -->", "<?ghi chú?>", "<![CDATA[]]>"])
def test_what_is_no_content_changes_neither_text_nor_signature(note: str) -> None:
    reading = read(signed(("rà soát", f"rà{note} soát")))

    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert reading.message == read(signed()).message
    assert reading.warnings == ()


def test_a_large_packet_is_not_verified() -> None:
    reading = read(signed(), Limits(max_signature_packet_bytes=1000))

    assert said(reading) == "the packet is larger than 1000 bytes"


@pytest.mark.parametrize("element", ["", "<edXML:DigitalSignature/>", "<edXML:Signature/>"])
def test_no_signature_is_no_matter_for_a_warning(element: str) -> None:
    reading = read_packet(packet(("</edXML:edXMLHeader>", f"{element}</edXML:edXMLHeader>")))

    assert reading.signature.reason == "absent"
    assert reading.warnings == ()


def test_a_token_is_told_but_never_kept() -> None:
    block = "<Signature><KeyInfo><AgencyToken>bi-mat</AgencyToken></KeyInfo></Signature>"
    reading = read_packet(packet(("</edXML:edXMLHeader>", f"{block}</edXML:edXMLHeader>")))

    assert warned(reading) == ["W_SIGNATURE_TOKEN", "W_SIGNATURE_UNVERIFIABLE"]
    assert "bi-mat" not in reading.model_dump_json()

"""The header signature that we write is read as verified, by our reader and by another house's."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.conformance.files import MemoryFiles
from adapters.contract import Message
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.signing import HeaderSigner, sign_packet
from bus.bootstrap.document_signatures import header_signer
from bus.keys.authority import DevelopmentAuthority
from bus.keys.folder import KeyFolder
from bus.keys.ring import load_signing_key
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError
from schemas.reading import SignatureOutcome
from tests.support.builders import PDF, document, read_packet, status_report
from tests.support.certificates import leaf, root
from tests.support.packages import program
from tests.unit.formats.test_edxml_signature import certificate_for, rsa_key

A_DAY = timedelta(days=1)
AT = datetime(2026, 3, 12, 2, 15, tzinfo=UTC)


def signer() -> HeaderSigner:
    return HeaderSigner(private_key=rsa_key(), certificate=certificate_for(rsa_key()))


def written(message: Message, *, signed: bool = True) -> bytes:
    subject = EdxmlFormat(signer=signer if signed else None)
    return b"".join(subject.write(message, attachments=MemoryFiles((PDF,)), written_at=AT))


@pytest.mark.parametrize("message", [document(), document(attachments=()), status_report()])
def test_what_we_sign_we_read_as_verified(message: Message) -> None:
    reading = read_packet(written(message))

    assert reading.signature.outcome is SignatureOutcome.VERIFIED
    assert reading.signature.signer == "CN=Văn thư tỉnh Ví Dụ"
    assert reading.warnings == ()
    assert reading.message == message


def test_it_is_written_as_the_documentation_says() -> None:
    text = written(document()).decode()
    start = text.index("<ds:Signature ")

    assert 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"' in text[start:]
    for algorithm in (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    ):
        assert f'Algorithm="{algorithm}"' in text
    assert text.count('URI=""') == 1
    assert text[text.index("</ds:Signature>") :].startswith("</ds:Signature></edXML:edXMLHeader>")


def test_the_rest_of_the_packet_is_byte_for_byte_the_unsigned_one() -> None:
    signed = written(document())
    start, end = signed.index(b"<ds:Signature "), signed.index(b"</ds:Signature>") + 15

    assert signed[:start] + signed[end:] == written(document(), signed=False)


def test_another_house_verifies_it_too(tmp_path: Path) -> None:
    xmlsec1 = program("xmlsec1")
    packet, certificate = tmp_path / "a.edxml", tmp_path / "certificate.pem"
    packet.write_bytes(written(document()))
    certificate.write_bytes(signer().certificate.public_bytes(Encoding.PEM))
    verify: list[str | Path] = [xmlsec1, "--verify", "--pubkey-cert-pem", certificate, packet]

    good = subprocess.run(verify, capture_output=True, check=False)
    packet.write_bytes(packet.read_bytes().replace("rà soát".encode(), "bãi bỏ".encode()))
    bad = subprocess.run(verify, capture_output=True, check=False)

    assert good.returncode == 0, good.stderr
    assert bad.returncode != 0


def test_a_packet_too_large_to_be_verified_goes_out_unsigned_and_is_not_held() -> None:
    asked = 0

    def chunks() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(10):
            asked += 1
            yield bytes(100)

    out = sign_packet(chunks(), signer(), most_bytes=250)
    first = next(out)

    assert asked == 3
    assert first + b"".join(out) == bytes(1000)


def test_a_text_with_marks_of_xml_is_signed_as_it_is() -> None:
    subject = "a</edXML:edXMLHeader>&<!--\r\n]]>"
    reading = read_packet(written(document(subject=subject)))

    assert reading.signature.outcome is SignatureOutcome.VERIFIED


def test_a_key_that_cannot_sign_a_packet_is_told(tmp_path: Path) -> None:
    mailbox, now = MailboxName("H98"), datetime.now(UTC)
    DevelopmentAuthority.open(tmp_path, now=now).ensure([mailbox], now=now)
    key = load_signing_key(tmp_path, mailbox, now=now)

    with pytest.raises(ConfigurationError) as refused:
        header_signer(key, mailbox, keys=tmp_path)

    assert refused.value.problem.params == {
        "name": "LIENTHONG_SIGN_EDXML",
        "cause": "rsa_due",
        "cause.mailbox": "H98",
        "cause.algorithm": "ES256",
    }


def test_an_rsa_key_of_the_mailbox_signs_its_packets(tmp_path: Path) -> None:
    mailbox, now = MailboxName("H98"), datetime.now(UTC)
    anchor, files = root(ends=now + timedelta(days=99)), KeyFolder(tmp_path)
    certificate = leaf(anchor, rsa_key().public_key(), starts=now - A_DAY, ends=now + A_DAY)
    with files.locked():
        files.file_authority(anchor.certificate)
        files.file(mailbox, [certificate], key=rsa_key())
    key = load_signing_key(tmp_path, mailbox, now=now)
    subject = EdxmlFormat(signer=lambda: header_signer(key, mailbox, keys=tmp_path))
    packet = b"".join(subject.write(document(), attachments=MemoryFiles((PDF,)), written_at=AT))

    assert read_packet(packet).signature.outcome is SignatureOutcome.VERIFIED

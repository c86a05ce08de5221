"""Both formats keep every promise of the contract."""

from adapters.conformance.formats import FormatConformance, Sample
from adapters.formats.canonical_json import CanonicalJsonFormat
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.signing import HeaderSigner
from tests.support.builders import PDF, document, replacement, status_report, update
from tests.unit.formats.test_edxml_signature import certificate_for, rsa_key

SIGNER = HeaderSigner(private_key=rsa_key(), certificate=certificate_for(rsa_key()))
_SAMPLES = (
    Sample(message=document(), files=(PDF,)),
    Sample(message=document(attachments=(), raw={"SteeringType": "1"})),
    Sample(message=update(attachments=())),
    Sample(message=replacement(attachments=())),
    Sample(message=status_report()),
)


class TestEdxml(FormatConformance):
    subject = EdxmlFormat()
    samples = _SAMPLES


class TestEdxmlForOldReaders(FormatConformance):
    subject = EdxmlFormat(zip_attachments=True)
    samples = _SAMPLES


class TestSignedEdxml(FormatConformance):
    subject = EdxmlFormat(signer=lambda: SIGNER)
    samples = _SAMPLES


class TestCanonicalJson(FormatConformance):
    subject = CanonicalJsonFormat()
    samples = _SAMPLES

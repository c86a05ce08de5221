"""What the signatures of a delivered document prove, as information for its recipient.

Decision 28/2018: a document that is signed as the law requires equals the paper; any other document
is for information only. A verdict refuses nothing: the recipient's clerk decides.
"""

import json
from collections.abc import Callable
from enum import StrEnum

from pydantic import AwareDatetime

from schemas.identifiers import DeliveryId, Sha256
from schemas.language import Language, texts
from schemas.problem import Warned
from schemas.reading import SignatureCheck
from schemas.term import Term
from schemas.value import Value

CHECK_VERSION = "1.0"


class _InWords(StrEnum):
    """The base class of results that have words in both languages."""

    def text(self, language: Language) -> str:
        """The value in words for people."""
        return language.choose(*_TEXTS[self])


class LegalValue(_InWords):
    """Whether a file has the legal value of the paper."""

    LEGAL_VALUE = "legal_value"
    REFERENCE_ONLY = "reference_only"


class PdfOutcome(_InWords):
    """The result for all signatures of a file; the worst of several signatures counts."""

    VALID = "valid"
    ALTERED = "altered"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    INDETERMINATE = "indeterminate"
    NONE = "none"
    UNREADABLE = "unreadable"
    NOT_CHECKED = "not_checked"


class PdfSigner(Value):
    """One signature and its result.

    Attributes:
        name: The signer in the certificate; None when it cannot be read.
        signed_at: The time on the signer's clock, or a valid time stamp if there is one.
        time_stamped: Whether `signed_at` is a time stamp of a trusted authority.
        reason: Why it is not valid.
        additions: Visible changes after the signature that are allowed.
    """

    name: str | None = None
    issuer: str | None = None
    certificate_sha256: Sha256 | None = None
    signed_at: AwareDatetime | None = None
    time_stamped: bool = False
    outcome: PdfOutcome
    reason: Term | None = None
    additions: tuple[Term, ...] = ()


class PdfVerdict(Value):
    """What the signatures of a file prove, with one trust list."""

    outcome: PdfOutcome
    signers: tuple[PdfSigner, ...] = ()
    reason: Term | None = None

    @property
    def legal_value(self) -> LegalValue:
        """A file has legal value if it has signatures and all of them are valid."""
        if self.outcome is PdfOutcome.VALID:
            return LegalValue.LEGAL_VALUE
        return LegalValue.REFERENCE_ONLY

    @property
    def additions(self) -> tuple[Term, ...]:
        """Visible changes after a signature that are allowed, each once."""
        found: list[Term] = []
        for signer in self.signers:
            found += [each for each in signer.additions if each not in found]
        return tuple(found)

    def text(self, language: Language) -> str:
        """The result in one sentence, with the additions."""
        if self.outcome is not PdfOutcome.VALID or not self.additions:
            return self.outcome.text(language)
        return f"{language.choose(*_TEXTS['valid_with_additions'])} {self._added(language)}"

    def legal_value_text(self, language: Language) -> str:
        """The legal value, with the additions."""
        said = self.legal_value.text(language)
        if self.legal_value is LegalValue.REFERENCE_ONLY or not self.additions:
            return said
        return f"{said} ({self._added(language)})"

    def _added(self, language: Language) -> str:
        return "; ".join(each.text(language) for each in self.additions)


class AttachmentVerdict(Value):
    """The verdict on one file of a document."""

    name: str
    sha256: Sha256
    legal_value: LegalValue
    verdict: PdfVerdict


class About(Value):
    """The document to which a recall, an update, a replacement or a status refers.

    Attributes:
        owner: The agency that sent the document.
        number: From the records, or else from the message; likewise `year`.
        held: Whether the records say that it was delivered to this recipient.
    """

    document_id: str
    owner: str
    owner_name: str | None = None
    number: str | None = None
    year: int | None = None
    held: bool

    def text(self, language: Language) -> str:
        """The result in one sentence."""
        owner = f"{self.owner_name} ({self.owner})" if self.owner_name else self.owner
        told = dict.fromkeys(each for each in (self.number, self.document_id) if each)
        template = language.choose(*_TEXTS["held" if self.held else "not_held"])
        return template.format(owner=owner, document=", ".join(told))


class DeliveryCheck(Value):
    """Information for the recipient about a delivery, beside the message.

    Attributes:
        header_signature: The check of the header signature of the original packet, if it had one.
        attachments: Empty when no trust list is configured.
        about: The documents to which the message refers.
        warnings: What could not be verified about them.
    """

    version: str = CHECK_VERSION
    delivery_id: DeliveryId | None = None
    header_signature: SignatureCheck | None = None
    attachments: tuple[AttachmentVerdict, ...] = ()
    about: tuple[About, ...] = ()
    warnings: tuple[Warned, ...] = ()


def judged(name: str, sha256: str, verdict: PdfVerdict) -> AttachmentVerdict:
    """The verdict on a named file."""
    return AttachmentVerdict(
        name=name, sha256=sha256, legal_value=verdict.legal_value, verdict=verdict
    )


def note_of(check: DeliveryCheck) -> bytes:
    """A check as the content of a file, UTF-8 JSON."""
    return json.dumps(told(check), ensure_ascii=False, indent=2).encode() + b"\n"


def told(check: DeliveryCheck) -> dict[str, object]:
    """A check as JSON for people and programs, with texts in both languages."""
    fields: dict[str, object] = {"format": "lienthong.check", "version": check.version}
    if check.delivery_id is not None:
        fields["delivery_id"] = check.delivery_id
    if check.header_signature is not None:
        header = check.header_signature
        said = header.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        fields["header_signature"] = said | _in_words(header.why)
    fields["attachments"] = [_told(attachment) for attachment in check.attachments]
    if check.about:
        fields["about"] = [
            about.model_dump(mode="json", exclude_none=True) | {"text": _both(about.text)}
            for about in check.about
        ]
    if check.warnings:
        fields["warnings"] = [_coded(warned) for warned in check.warnings]
    return fields


def _both(text: Callable[[Language], str]) -> dict[str, str]:
    return {language.value: text(language) for language in Language}


def _told(attachment: AttachmentVerdict) -> dict[str, object]:
    verdict = attachment.verdict
    legal_value, outcome = attachment.legal_value, verdict.outcome
    return {
        "name": attachment.name,
        "sha256": attachment.sha256,
        "legal_value": legal_value.value,
        "legal_value_text": _both(verdict.legal_value_text),
        "outcome": outcome.value,
        "outcome_text": _both(verdict.text),
        **_in_words(verdict.reason),
        "signers": [
            signer.model_dump(mode="json", exclude_none=True, exclude={"additions"})
            | _in_words(signer.reason)
            | ({"additions": list(map(_coded, signer.additions))} if signer.additions else {})
            for signer in verdict.signers
        ],
    }


def _in_words(reason: Term | None) -> dict[str, object]:
    """Code and texts of a reason; empty without one."""
    if reason is None:
        return {}
    return {"reason": reason.code, "reason_text": _both(reason.text)}


def _coded(each: Term | Warned) -> dict[str, object]:
    return {"code": each.code, "params": each.params, "text": _both(each.text)}


_TEXTS = texts(
    """
    held | It is about the document of {owner}: {document}.
        | Nói về văn bản của {owner}: {document}.
    not_held | It is about a document of {owner} that is not in our records here: {document}.
        | Nói về văn bản của {owner} không có trong sổ tại đây: {document}.
    # Legal values.
    legal_value | has legal value | có giá trị pháp lý
    reference_only | for reference only | chỉ để tham khảo
    # Results.
    valid_with_additions | Every signature is valid, and what was added afterwards is allowed:
        | Mọi chữ ký số đều hợp lệ, nội dung thêm sau khi ký là được phép:
    valid | Every signature is valid, and nothing was changed afterwards.
        | Mọi chữ ký số đều hợp lệ, nội dung không bị sửa sau khi ký.
    altered | The file was changed after it was signed. | Tệp đã bị sửa đổi sau khi ký số.
    untrusted | The signer's certificate is not on the trust list, or it was revoked.
        | Chứng thư số của người ký không được tin cậy hoặc đã bị thu hồi.
    expired | The signer's certificate is out of date, and there is no time stamp.
        | Chứng thư số của người ký ngoài thời hạn và không có dấu thời gian.
    indeterminate | It cannot be decided whether the signature is valid.
        | Chưa thể kết luận chữ ký số có hợp lệ hay không.
    none | The file carries no digital signature. | Tệp không có chữ ký số.
    unreadable | The file could not be examined. | Không thể kiểm tra tệp này.
    not_checked | The file was not checked. | Tệp chưa được kiểm tra.
    """
)

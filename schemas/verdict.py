"""Verdict: what the signatures of a delivered document prove, told to its recipient.

Decree 28/2018 (D28): a document signed as the law says equals the paper; any other is for
information only. A verdict informs and refuses nothing: the recipient's clerk decides.
"""

import json
from collections.abc import Callable
from enum import StrEnum

from pydantic import AwareDatetime

from schemas.identifiers import DeliveryId, Sha256
from schemas.problem import Language, Warned
from schemas.reading import SignatureCheck
from schemas.term import Term
from schemas.value import Value

CHECK_VERSION = "1.0"


class LegalValue(StrEnum):
    """Whether a file equals the paper."""

    LEGAL_VALUE = "legal_value"
    REFERENCE_ONLY = "reference_only"

    def text(self, language: Language) -> str:
        """In the words that clerks use."""
        return _LEGAL_VALUE_TEXTS[self][language]


class PdfOutcome(StrEnum):
    """What the signatures in one file came to. The worst of several signatures counts."""

    VALID = "valid"
    ALTERED = "altered"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    INDETERMINATE = "indeterminate"
    NONE = "none"
    UNREADABLE = "unreadable"
    NOT_CHECKED = "not_checked"

    def text(self, language: Language) -> str:
        """In one sentence."""
        return _OUTCOME_TEXTS[self][language]


class PdfSigner(Value):
    """One signature and what it is worth.

    Attributes:
        name: Who signed, as the certificate says; absent when it cannot be read.
        signed_at: When, as the signer's own clock said, or a time stamp where there is a good one.
        time_stamped: Whether `signed_at` is a time stamp of a trusted authority.
        reason: What stands against it.
        additions: What can be seen of what was added after it, and may be.
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
    """What the signatures in these bytes prove, measured against one trust list."""

    outcome: PdfOutcome
    signers: tuple[PdfSigner, ...] = ()
    reason: Term | None = None

    @property
    def legal_value(self) -> LegalValue:
        """Only a file whose every signature is valid, and that has one, equals the paper."""
        if self.outcome is PdfOutcome.VALID:
            return LegalValue.LEGAL_VALUE
        return LegalValue.REFERENCE_ONLY

    @property
    def additions(self) -> tuple[Term, ...]:
        """What was added after a signature, can be seen, and may be; each once."""
        found: list[Term] = []
        for signer in self.signers:
            found += [each for each in signer.additions if each not in found]
        return tuple(found)

    def text(self, language: Language) -> str:
        """In one sentence, or one for each thing that was added."""
        if self.outcome is not PdfOutcome.VALID or not self.additions:
            return self.outcome.text(language)
        return f"{_ALL_VALID[language]} {self._added(language)}"

    def legal_value_text(self, language: Language) -> str:
        """The legal value; never without what was added after a signature."""
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
    """Whose document a recall, an update, a replacement or a status is about.

    Attributes:
        owner: The agency that sent the document.
        number, year: As the records have it; as the message says where they have none.
        held: Whether the records say that it was delivered to this recipient.
    """

    document_id: str
    owner: str
    owner_name: str | None = None
    number: str | None = None
    year: int | None = None
    held: bool

    def text(self, language: Language) -> str:
        """In one sentence."""
        owner = f"{self.owner_name} ({self.owner})" if self.owner_name else self.owner
        told = dict.fromkeys(each for each in (self.number, self.document_id) if each)
        return _ABOUT_TEXTS[self.held][language].format(owner=owner, document=", ".join(told))


class DeliveryCheck(Value):
    """Everything the recipient is told about a delivery, beside the message.

    Attributes:
        header_signature: Of the packet that the sender's system gave us, where it had one.
        attachments: Empty when no trust list is configured.
        about: Whose documents the message is about.
        warnings: What could not be proven of these references.
    """

    version: str = CHECK_VERSION
    delivery_id: DeliveryId | None = None
    header_signature: SignatureCheck | None = None
    attachments: tuple[AttachmentVerdict, ...] = ()
    about: tuple[About, ...] = ()
    warnings: tuple[Warned, ...] = ()


def judged(name: str, sha256: str, verdict: PdfVerdict) -> AttachmentVerdict:
    """A verdict with the file that it is about."""
    return AttachmentVerdict(
        name=name, sha256=sha256, legal_value=verdict.legal_value, verdict=verdict
    )


def note_of(check: DeliveryCheck) -> bytes:
    """A check as a file of its own, UTF-8 JSON."""
    return json.dumps(told(check), ensure_ascii=False, indent=2).encode() + b"\n"


def told(check: DeliveryCheck) -> dict[str, object]:
    """A check as JSON for people and programs: with the words in both languages."""
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
        fields["warnings"] = [
            {"code": warned.code, "params": warned.params, "text": _both(warned.text)}
            for warned in check.warnings
        ]
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
            | _added(signer.additions)
            for signer in verdict.signers
        ],
    }


def _in_words(reason: Term | None) -> dict[str, object]:
    """Its code, and in both languages; nothing where there is none."""
    if reason is None:
        return {}
    return {"reason": reason.code, "reason_text": _both(reason.text)}


def _added(additions: tuple[Term, ...]) -> dict[str, object]:
    """What was added after a signature, as codes and in both languages; often nothing."""
    if not additions:
        return {}
    return {
        "additions": [
            {"code": each.code, "params": each.params, "text": _both(each.text)}
            for each in additions
        ]
    }


_ABOUT_TEXTS = {
    True: {
        Language.ENGLISH: "It is about the document of {owner}: {document}.",
        Language.VIETNAMESE: "Nói về văn bản của {owner}: {document}.",
    },
    False: {
        Language.ENGLISH: "It is about a document of {owner} that is not in our records here: "
        "{document}.",
        Language.VIETNAMESE: "Nói về văn bản của {owner} không có trong sổ tại đây: {document}.",
    },
}

_LEGAL_VALUE_TEXTS = {
    LegalValue.LEGAL_VALUE: {
        Language.ENGLISH: "has legal value",
        Language.VIETNAMESE: "có giá trị pháp lý",
    },
    LegalValue.REFERENCE_ONLY: {
        Language.ENGLISH: "for reference only",
        Language.VIETNAMESE: "chỉ để tham khảo",
    },
}

_ALL_VALID = {
    Language.ENGLISH: "Every signature is valid, and what was added afterwards is allowed:",
    Language.VIETNAMESE: "Mọi chữ ký số đều hợp lệ, nội dung thêm sau khi ký là được phép:",
}

_OUTCOME_TEXTS = {
    PdfOutcome.VALID: {
        Language.ENGLISH: "Every signature is valid, and nothing was changed afterwards.",
        Language.VIETNAMESE: "Mọi chữ ký số đều hợp lệ, nội dung không bị sửa sau khi ký.",
    },
    PdfOutcome.ALTERED: {
        Language.ENGLISH: "The file was changed after it was signed.",
        Language.VIETNAMESE: "Tệp đã bị sửa đổi sau khi ký số.",
    },
    PdfOutcome.UNTRUSTED: {
        Language.ENGLISH: "The signer's certificate is not on the trust list, or it was revoked.",
        Language.VIETNAMESE: "Chứng thư số của người ký không được tin cậy hoặc đã bị thu hồi.",
    },
    PdfOutcome.EXPIRED: {
        Language.ENGLISH: "The signer's certificate is out of date, and there is no time stamp.",
        Language.VIETNAMESE: "Chứng thư số của người ký ngoài thời hạn và không có dấu thời gian.",
    },
    PdfOutcome.INDETERMINATE: {
        Language.ENGLISH: "It cannot be decided whether the signature is valid.",
        Language.VIETNAMESE: "Chưa thể kết luận chữ ký số có hợp lệ hay không.",
    },
    PdfOutcome.NONE: {
        Language.ENGLISH: "The file carries no digital signature.",
        Language.VIETNAMESE: "Tệp không có chữ ký số.",
    },
    PdfOutcome.UNREADABLE: {
        Language.ENGLISH: "The file could not be examined.",
        Language.VIETNAMESE: "Không thể kiểm tra tệp này.",
    },
    PdfOutcome.NOT_CHECKED: {
        Language.ENGLISH: "The file was not checked.",
        Language.VIETNAMESE: "Tệp chưa được kiểm tra.",
    },
}

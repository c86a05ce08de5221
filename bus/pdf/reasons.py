"""Reasons: what pyHanko reports about a PDF and its signatures, as outcomes and terms of ours.

A file whose form is faulty is read a second time without strictness, to show who signed it. Its
content is not judged then, because programs differ in what they show of such a file, and attacks
use that. So such a file is never valid.
"""

from typing import NamedTuple

from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESSubIndic
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    SignatureCoverageLevel,
)

from schemas.term import Term, term
from schemas.verdict import PdfOutcome

_MOST_SAID = 200


class _Fault(NamedTuple):
    """A fault of form that pyHanko refuses when it reads strictly.

    Attributes:
        said: A part of pyHanko's message.
        code: Our term for it.
    """

    said: str
    code: str


_FAULTS = (
    _Fault("hybrid", "pdf_hybrid"),
    _Fault("must not be clobbered", "pdf_reused"),
    _Fault("Reference(", "pdf_dangling"),
    _Fault("generation", "pdf_generations"),
)
"""The first one that matches is used."""


def fault_of(error: Exception) -> Term:
    """The fault for which a strict reader refused the file."""
    said = str(error)
    known = next((fault.code for fault in _FAULTS if fault.said in said), None)
    if known is not None:
        return term(known)
    return said_by(error, "pdf_lenient")


_UNTRUSTED = frozenset(
    {
        AdESFailure.REVOKED,
        AdESIndeterminate.REVOKED_NO_POE,
        AdESIndeterminate.REVOKED_CA_NO_POE,
        AdESIndeterminate.NO_CERTIFICATE_CHAIN_FOUND,
        AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE,
        AdESIndeterminate.SIG_CONSTRAINTS_FAILURE,
        AdESIndeterminate.NO_SIGNING_CERTIFICATE_FOUND,
    }
)
_EXPIRED = frozenset(
    {
        AdESIndeterminate.EXPIRED,
        AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
        AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
        AdESIndeterminate.NOT_YET_VALID,
        AdESFailure.NOT_YET_VALID,
    }
)


def trust_of(status: PdfSignatureStatus) -> tuple[PdfOutcome, Term | None]:
    """Whether the signer's certificate leads to the trust list and is in its time; if not, why."""
    if status.trusted and status.seed_value_ok:
        return PdfOutcome.VALID, None
    if not status.seed_value_ok:
        return PdfOutcome.INDETERMINATE, term("pdf_field_condition")
    problem = status.trust_problem_indic
    if status.revoked:
        return PdfOutcome.UNTRUSTED, term("pdf_certificate_revoked")
    return _outcome_of(problem), _words(problem)


def _outcome_of(problem: AdESSubIndic | None) -> PdfOutcome:
    if problem in _UNTRUSTED:
        return PdfOutcome.UNTRUSTED
    return PdfOutcome.EXPIRED if problem in _EXPIRED else PdfOutcome.INDETERMINATE


def _words(problem: AdESSubIndic | None) -> Term:
    return (
        term("pdf_certificate", verdict=problem.standard_name) if problem else term("pdf_no_path")
    )


def contradiction(status: PdfSignatureStatus) -> Term | None:
    """Why the signature does not match the bytes that it covers; None: it matches."""
    if not status.intact:
        return term("digest_differs")
    if not status.valid:
        return term("value_differs")
    return None


def alteration(status: PdfSignatureStatus) -> Term | None:
    """How the file was changed outside the signed content; None: it was not changed."""
    coverage = status.coverage
    if coverage is None or coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return term("pdf_coverage")
    if status.modification_level is ModificationLevel.OTHER or not status.docmdp_ok:
        return term("pdf_addition")
    return None


def why_not_judged(signature: EmbeddedPdfSignature, error: Exception) -> Term:
    """Why a signature cannot be judged although the file can be read."""
    kind = str(signature.sig_object.get("/SubFilter", ""))
    if "SubFilter" in str(error):
        return term("pdf_subfilter", kind=kind)
    return fault_of(error)


def said_by(error: Exception, code: str = "pdf_unreadable") -> Term:
    """What a library says about a file, cut to 200 characters; never the file's content."""
    return term(code, said=f"{type(error).__name__}: {error}"[:_MOST_SAID])

"""Trust: what pyHanko says of a signer's certificate, as an outcome with its reason."""

from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESSubIndic
from pyhanko.sign.validation import PdfSignatureStatus

from schemas.term import Term, term
from schemas.verdict import PdfOutcome

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
    """Whether the certificate leads to the trust list, in its time; and why not."""
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

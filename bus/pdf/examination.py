"""Examination: judge the signatures of one PDF with pyHanko. Blocking, and as slow as the file is.

Nothing is fetched: revocation counts only if the file itself brings evidence. A signature is judged
as of now, or as of the moment that a trusted time stamp proves (ETSI EN 319 102-1, 5.5). What was
added after a signature must be of a kind that the signature allows (pyHanko's difference analysis)
and must not change what is seen (`additions`). A file that cannot be read strictly is read again
without strictness, only to show who signed it (`reasons`).

Deep nesting and similar attacks raise errors here; `examiner` catches them.
"""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from io import SEEK_END
from typing import Any, BinaryIO

from asn1crypto import x509
from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    DocumentSecurityStore,
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
)
from pyhanko.sign.validation.errors import (
    DisallowedAlgorithmError,
    NoDSSFoundError,
    SignatureValidationError,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from bus.pdf.additions import Additions, AdditionsFinder
from bus.pdf.reasons import alteration, contradiction, fault_of, said_by, trust_of, why_not_judged
from bus.pdf.signer import aware, common_name_of, identity_of, stamp_of
from schemas.term import Term, term
from schemas.verdict import PdfOutcome, PdfSigner, PdfVerdict

MOST_SIGNATURES = 32
CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far in the future, by our clock, a signature may have been made."""

_USAGES = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
"""One of them is enough: certificates of agencies have one or both."""

_END_MARK = b"%%EOF"
_TAIL_BYTES = 64 * 1024

_BROKEN = (
    PdfError,
    SignatureValidationError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    zlib.error,
)
"""What pyHanko raises for damaged files, as found by changing each byte of a file in turn."""

_WORST_FIRST = (
    PdfOutcome.ALTERED,
    PdfOutcome.UNREADABLE,
    PdfOutcome.UNTRUSTED,
    PdfOutcome.EXPIRED,
    PdfOutcome.INDETERMINATE,
    PdfOutcome.VALID,
)


def examine(file: BinaryIO, *, anchors: Sequence[bytes], now: datetime) -> PdfVerdict:
    """Judge every signature of a PDF.

    Args:
        anchors: Certificates, DER, that are trusted.
        now: Aware.
    """
    trusted = [x509.Certificate.load(anchor) for anchor in anchors]
    try:
        return _examine(PdfFileReader(file), trusted, now, passed_over=None)
    except _BROKEN as error:
        strict = error
    # Its form is faulty. Who signed it is shown all the same, if that can be found out.
    fault = fault_of(strict)
    try:
        file.seek(0)
        lenient = _examine(PdfFileReader(file, strict=False), trusted, now, passed_over=fault)
    except _BROKEN:
        return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=said_by(strict))
    if not lenient.signers:
        return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=fault)
    return lenient


def _examine(
    reader: PdfFileReader,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    *,
    passed_over: Term | None,
) -> PdfVerdict:
    """Judge by one way of reading.

    Args:
        passed_over: What a strict reader refused, when this one is not strict.

    Raises:
        Exception: `_BROKEN`: it cannot be read in this way, or a signature cannot be judged so.
    """
    if reader.encrypted and not _opens_for_everybody(reader):
        return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=term("pdf_encrypted"))
    signatures = reader.embedded_regular_signatures
    if not signatures:
        return PdfVerdict(outcome=PdfOutcome.NONE)
    if len(signatures) > MOST_SIGNATURES:
        reason = term("pdf_many_signatures", limit=MOST_SIGNATURES)
        return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=reason)
    known = {each.field_name: identity_of(each) for each in signatures}
    judge = _Judge(reader, anchors, now, known=known, passed_over=passed_over)
    signers = tuple(judge.signer(signature) for signature in signatures)
    worst = min((signer.outcome for signer in signers), key=_WORST_FIRST.index)
    against = next(signer.reason for signer in signers if signer.outcome is worst)
    return PdfVerdict(outcome=worst, signers=signers, reason=against)


def _opens_for_everybody(reader: PdfFileReader) -> bool:
    """Whether it opens without a password: it is encrypted only to forbid printing and the like."""
    try:
        return reader.decrypt("").status is not AuthStatus.FAILED
    except _BROKEN:
        return False


class _Judge:
    """Judges the signatures of one file."""

    def __init__(
        self,
        reader: PdfFileReader,
        anchors: Sequence[x509.Certificate],
        now: datetime,
        *,
        known: Mapping[str, PdfSigner],
        passed_over: Term | None,
    ) -> None:
        self._reader = reader
        self._now = now
        self._anchors = list(anchors)
        self._known = known
        self._passed_over = passed_over
        self._evidence = _evidence(reader)
        names = {field: signer.name or "?" for field, signer in known.items()}
        self._additions = AdditionsFinder(reader=reader, names={**names, **self._stampers()})

    def signer(self, signature: EmbeddedPdfSignature) -> PdfSigner:
        """Judge one signature. Raises `_BROKEN` if it can be judged only without strictness."""
        known = self._known[signature.field_name]
        strict = self._passed_over is None
        try:
            status = asyncio.run(self._validate(signature, self._now, compare=strict))
            stamped = stamp_of(status)
            outcome, reason, added = self._outcome(signature, status, stamped)
            if outcome in {PdfOutcome.EXPIRED, PdfOutcome.UNTRUSTED} and stamped is not None:
                then = asyncio.run(self._validate(signature, stamped, compare=False))
                outcome, reason = trust_of(then)
        except DisallowedAlgorithmError as error:
            reason = said_by(error, "pdf_algorithm")
            return known.model_copy(update={"outcome": PdfOutcome.INDETERMINATE, "reason": reason})
        except _BROKEN as error:
            if strict:
                raise
            return known.model_copy(
                update={
                    "outcome": PdfOutcome.INDETERMINATE,
                    "reason": why_not_judged(signature, error),
                }
            )
        if outcome is PdfOutcome.VALID and not strict:
            outcome, reason = PdfOutcome.INDETERMINATE, self._passed_over
        return known.model_copy(
            update={
                "outcome": outcome,
                "reason": reason,
                "additions": added,
                "signed_at": stamped or aware(status.signer_reported_dt),
                "time_stamped": stamped is not None,
            }
        )

    def _stampers(self) -> Mapping[str, str]:
        """For each trusted time stamp of the document: its field → who made it."""
        found: dict[str, str] = {}
        for stamp in self._reader.embedded_timestamp_signatures[:MOST_SIGNATURES]:
            with suppress(*_BROKEN):
                status = asyncio.run(
                    async_validate_pdf_timestamp(stamp, self._context(self._now), skip_diff=True)
                )
                if status.intact and status.valid and status.trusted:
                    found[stamp.field_name] = common_name_of(stamp.signer_cert.subject)
        return found

    async def _validate(
        self, signature: EmbeddedPdfSignature, moment: datetime, *, compare: bool
    ) -> PdfSignatureStatus:
        return await async_validate_pdf_signature(
            signature,
            signer_validation_context=self._context(moment),
            ts_validation_context=self._context(self._now),
            key_usage_settings=_USAGES,
            skip_diff=not compare,
        )

    def _context(self, moment: datetime) -> ValidationContext:
        chosen: dict[str, Any] = {
            "trust_roots": self._anchors,
            "allow_fetching": False,
            "revocation_mode": "soft-fail",
            "moment": moment,
            # A revocation list of today also says since when each certificate is revoked.
            "retroactive_revinfo": moment < self._now,
        }
        if self._evidence is not None:
            return self._evidence.as_validation_context(chosen)
        return ValidationContext(**chosen)

    def _addition(self, signature: EmbeddedPdfSignature) -> Term | None:
        """Bytes behind the last revision, which programs treat differently."""
        file = self._reader.stream
        if signature.signed_revision == self._reader.xrefs.total_revisions - 1:
            file.seek(signature.byte_range[-2] + signature.byte_range[-1])
            rest = file.read()
        else:
            file.seek(max(0, file.seek(0, SEEK_END) - _TAIL_BYTES))
            rest = file.read().rpartition(_END_MARK)[2]
        return None if not rest.strip() else term("pdf_bytes_added")

    def _outcome(
        self, signature: EmbeddedPdfSignature, status: PdfSignatureStatus, stamped: datetime | None
    ) -> tuple[PdfOutcome, Term | None, tuple[Term, ...]]:
        """Outcome, reason and additions: by integrity first, then by trust and time."""
        altered, added = contradiction(status), Additions()
        if altered is None and self._passed_over is None:
            altered = alteration(status) or self._addition(signature)
            if altered is None:
                added = self._additions.after(signature)
                altered = added.fault
        if altered is not None:
            return PdfOutcome.ALTERED, altered, ()
        latest = self._now + CLOCK_TOLERANCE
        signed_at = stamped or aware(status.signer_reported_dt)
        if signed_at is not None and signed_at > latest:
            reason = term("pdf_future", at=signed_at.isoformat())
            return PdfOutcome.INDETERMINATE, reason, added.told
        return *trust_of(status), added.told


def _evidence(reader: PdfFileReader) -> DocumentSecurityStore | None:
    """The certificates, CRLs and OCSP answers in the file; each is signed itself."""
    try:
        return DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return None

"""Leniency: why a file can be read only by passing over faults of its form.

Such a file is read a second time without strictness, to show who signed it. What it covers is not
judged then: what one program shows of it another does not, and that is what attacks are made of. So
it is never valid.
"""

from typing import NamedTuple

from schemas.term import Term, term

_MOST_SAID = 200


class _Fault(NamedTuple):
    """A strictness.

    Attributes:
        said: Part of what pyHanko says.
        code: Its term.
    """

    said: str
    code: str


_FAULTS = (
    _Fault("hybrid", "pdf_hybrid"),
    _Fault("must not be clobbered", "pdf_reused"),
    _Fault("Reference(", "pdf_dangling"),
    _Fault("generation", "pdf_generations"),
)
"""The order counts: of two that fit the first is meant."""


def fault_of(error: Exception) -> Term:
    """What a strict reader refused."""
    said = str(error)
    known = next((fault.code for fault in _FAULTS if fault.said in said), None)
    if known is not None:
        return term(known)
    return term("pdf_lenient", said=f"{type(error).__name__}: {said}"[:_MOST_SAID])

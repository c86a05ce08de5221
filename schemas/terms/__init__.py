"""Terms: parts of a sentence that texts are filled with, each a code with two languages.

A value that stands in a text of the catalogue is either data (a code, a number, a name, a path) or
a term. What travels is the term's code; whoever shows it takes the words of their language.
"""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.terms.certificate import CERTIFICATE
from schemas.terms.header_signature import HEADER_SIGNATURE
from schemas.terms.operation import OPERATION
from schemas.terms.packet import PACKET
from schemas.terms.pdf import PDF
from schemas.terms.proof import PROOF
from schemas.terms.revocation import REVOCATION, REVOCATION_REASONS
from schemas.terms.texts import Texts
from schemas.terms.words import ORDER_STATES, PARTIES, PARTS, REVOKERS, STAGES, SUBJECTS

CAUSES: dict[str, Texts] = {
    **PACKET,
    **HEADER_SIGNATURE,
    **PROOF,
    **CERTIFICATE,
    **REVOCATION,
    **OPERATION,
    **PDF,
}
"""Why: what stands after the colon of most texts."""


class Vocabulary(NamedTuple):
    """What a parameter may say.

    Attributes:
        terms: By their codes.
        or_data: Whether another value is data of its own, as an agency's code is, and not a text
            whose language nobody knows.
    """

    terms: Mapping[str, Texts]
    or_data: bool = False


VOCABULARIES: dict[str, Vocabulary] = {
    "cause": Vocabulary(CAUSES),
    # A cause within a cause.
    "why": Vocabulary(CAUSES),
    "what": Vocabulary(SUBJECTS),
    "reason": Vocabulary(REVOCATION_REASONS),
    "part": Vocabulary(PARTS),
    "stage": Vocabulary(STAGES),
    "state": Vocabulary(ORDER_STATES),
    "agency": Vocabulary(PARTIES, or_data=True),
    "source": Vocabulary(REVOKERS, or_data=True),
}
"""Parameter → what it may say. Every other parameter is data (`schemas.terms.data`)."""

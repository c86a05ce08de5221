"""The parts of sentences that fill the texts of the catalogue, in English and Vietnamese.

A placeholder in a text is filled either with data (a code, a number, a name, a path) or with a
term. A message carries only the code of the term; the program that shows it chooses the language.
"""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.terms.certificate import CERTIFICATE
from schemas.terms.operation import OPERATION
from schemas.terms.packet import PACKET
from schemas.terms.pdf import PDF
from schemas.terms.proof import PROOF
from schemas.terms.revocation import REVOCATION, REVOCATION_REASONS
from schemas.terms.words import ORDER_STATES, PARTIES, PARTS, REVOKERS, STAGES, SUBJECTS

CAUSES: dict[str, tuple[str, str]] = {
    **PACKET,
    **PROOF,
    **CERTIFICATE,
    **REVOCATION,
    **OPERATION,
    **PDF,
}
"""The causes: the part after the colon in most texts."""


class Vocabulary(NamedTuple):
    """The terms that one parameter may have.

    Attributes:
        terms: Code of the term → English, Vietnamese: without a capital and without a full stop.
        or_data: Whether a value that is not in `terms` is data, such as the code of an agency.
            Otherwise it is a text in an unknown language.
    """

    terms: Mapping[str, tuple[str, str]]
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
"""Parameter name → what the parameter may say. Every other parameter is one of `DATA`."""

DATA = frozenset(
    """
    account alg algorithm alias at bits byte code command content_id count date declared
    deed document_id due element encoding error extra field fields file first folder
    format formats header home hops host id installed issuer key_id kind known length
    limit mailbox mark member method module name named names namespace nearest object
    oid operator other owner page path pattern pid point prefix recipient request said
    scheme second seconds seen sender setting sha256 signed signed_at signer size
    sniffed stated status stronger subject successor suite thumbprint thumbprints times
    url value verdict version
    """.split()  # noqa: SIM905 (one name a line would be long)
)
"""Parameters that hold a code, a number, a name or a path: the same in every language."""

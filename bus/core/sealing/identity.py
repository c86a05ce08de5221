"""Identity: the ids of a sealed document, by which nobody can test a guess at its content.

An envelope id that were a plain digest of the content would tell who can guess the content that it
guessed right. So the ids are keyed with a salt that only sender and recipients know.
"""

import hmac
from hashlib import sha256

from pydantic_core import to_json

from bus.core.identity import document_hash, document_identity
from schemas.document import Document
from schemas.identifiers import AgencyCode, EnvelopeId

_SALT = b"lienthong sealed salt 1\n"


def salt_of(document: Document, *, sender: AgencyCode, secret: bytes) -> str:
    """The salt of this document: the same at every reading, another for every other document.

    Args:
        secret: The sender's own; whoever has it can test guesses.
    """
    return hmac.new(secret, _SALT + _said(document, sender), sha256).hexdigest()


def sealed_ids(document: Document, *, sender: AgencyCode, salt: str) -> tuple[EnvelopeId, str]:
    """Envelope id and content hash of a sealed document: one id, one content.

    Both are commitments: they tell nothing to who does not know the salt, and hold the sender to
    one content towards all recipients.
    """
    content_hash = hmac.new(bytes.fromhex(salt), _said(document, sender), sha256).hexdigest()
    return EnvelopeId(sha256(to_json(["sealed", content_hash])).hexdigest()), content_hash


def _said(document: Document, sender: AgencyCode) -> bytes:
    return to_json([document_identity(document, sender), document_hash(document)])

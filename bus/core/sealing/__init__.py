"""Sealed documents, which only their recipients can read.

Each envelope has a random content key. HPKE (RFC 9180) wraps this key once for the mailbox of each
recipient, and keys that are derived from it encrypt the content and the files. The sender signs
twice, inside and outside of the seal; each signature names what the other one covers.
"""

import re

_ASKS = re.compile(r"\.sealed\.[^.]+$", re.IGNORECASE)


def asks_to_be_sealed(name: str) -> bool:
    """Whether the name of a file asks for a seal, as `letter.sealed.edxml` does."""
    return _ASKS.search(name) is not None

"""How an agency's system asks for a sealed document, in any format: by the name of the file."""

import re

_ASKS = re.compile(r"\.sealed\.[^.]+$", re.IGNORECASE)


def asks_to_be_sealed(name: str) -> bool:
    """Whether the name of a file asks for a seal, as `letter.sealed.edxml` does."""
    return _ASKS.search(name) is not None

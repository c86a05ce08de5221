"""Request: how an agency's system asks for a seal, in any format: by the name of the file."""

import re

_ASKS = re.compile(r"\.sealed\.[^.]+$", re.IGNORECASE)


def asks_to_be_sealed(name: str) -> bool:
    """Whether a dropped file asks by its name: `letter.sealed.edxml`."""
    return _ASKS.search(name) is not None

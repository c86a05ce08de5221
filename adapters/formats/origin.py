"""Origin: whose raw values a message carries.

Those of edXML are paths of its elements, and canonical JSON carries them: writers of edXML write
them back. Those of any other format mean nothing there, so they are marked with its name.
"""

from schemas.codes import FormatName
from schemas.reading import Reading

_OWN = frozenset(FormatName)


def marked(reading: Reading, format_name: str) -> Reading:
    """A reading whose raw values say which foreign format they are of: `name:path`."""
    message = reading.message
    if format_name in _OWN or not message.raw:
        return reading
    raw = {f"{format_name}:{path}": value for path, value in message.raw.items()}
    return reading.model_copy(update={"message": message.model_copy(update={"raw": raw})})

"""Origin: mark raw values with the format that they come from.

Raw values of edXML are paths of its elements. Canonical JSON carries them, and the writer of edXML
writes them again. Raw values of any other format get its name, because edXML has no place for them.
"""

from schemas.codes import FormatName
from schemas.reading import Reading

_OWN = frozenset(FormatName)


def marked(reading: Reading, format_name: str) -> Reading:
    """The reading, with `name:` before the path of each raw value of another format."""
    message = reading.message
    if format_name in _OWN or not message.raw:
        return reading
    raw = {f"{format_name}:{path}": value for path, value in message.raw.items()}
    return reading.model_copy(update={"message": message.model_copy(update={"raw": raw})})

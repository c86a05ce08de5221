"""Markup: write elements as escaped text; empty elements are left out."""

from adapters.formats.text import fault_in
from schemas.problem import DocumentError, Place


def leaf(name: str, value: str | int | None, *, prefix: str = "edXML:") -> str:
    """An element with a text; an empty string if the text is absent or empty.

    Raises:
        DocumentError: XML cannot contain a character of the text (E_SCHEMA).
    """
    if value is None or value == "":
        return ""
    text = escaped(value, name) if isinstance(value, str) else str(value)
    return f"<{prefix}{name}>{text}</{prefix}{name}>\n"


def group(name: str, *children: str) -> str:
    """An element with children; an empty string if all of them are empty."""
    return frame(name, *children) if any(children) else ""


def frame(name: str, *children: str, attributes: str = "") -> str:
    """An element that is written even without children."""
    return f"<edXML:{name}{attributes}>\n{''.join(children)}</edXML:{name}>\n"


def escaped(text: str, name: str) -> str:
    """A text as the content of an element of this name. Raises as `leaf` does."""
    if cause := fault_in(text):
        raise DocumentError.of("E_SCHEMA", place=Place(field=name), cause=cause)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A parser turns a bare carriage return into a line feed (XML 1.0, 2.11).
    return text.replace("\r", "&#13;")

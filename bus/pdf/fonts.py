"""Fonts: how wide the letters of a font are, to know where text lies (ISO 32000-1, 9.6, 9.7)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyhanko.pdf_utils import generic

from bus.pdf.content_stream import UnclearError

_FULL_WIDTH = 1000.0


def value_in(values: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    """The value of a key, with references followed; `otherwise` if it is absent or null."""
    try:
        found = values[key]
    except KeyError:
        return otherwise
    return otherwise if isinstance(found, generic.NullObject) else found


@dataclass(slots=True)
class Font:
    """The widths of a font's letters, in thousandths of its size.

    Attributes:
        widths: The width of each code that has one of its own.
        otherwise: The width of every other code.
        bytes_each: How many bytes of a string are one code.
    """

    widths: Mapping[int, float] = field(default_factory=dict)
    otherwise: float = _FULL_WIDTH
    bytes_each: int = 1

    def width_of(self, text: bytes) -> tuple[float, int]:
        """The width of a string, and how many codes it has."""
        step = self.bytes_each
        codes = [int.from_bytes(text[at : at + step], "big") for at in range(0, len(text), step)]
        return sum(self.widths.get(code, self.otherwise) for code in codes), len(codes)


def read_font(font: Mapping[str, Any]) -> Font:
    """The widths that a font dictionary gives. Raises `UnclearError` for a font of drawings."""
    match font["/Subtype"]:
        case "/Type0":
            below = font["/DescendantFonts"][0]
            return Font(
                widths=dict(_widths_of_many(value_in(below, "/W", []))),
                otherwise=float(value_in(below, "/DW", _FULL_WIDTH)),
                bytes_each=2,
            )
        case "/Type3":
            raise UnclearError
        case _:
            first = int(value_in(font, "/FirstChar", 0))
            widths = {
                first + at: float(width.get_object())
                for at, width in enumerate(value_in(font, "/Widths", ()))
            }
            return Font(widths=widths)


def _widths_of_many(given: Sequence[Any]) -> Iterator[tuple[int, float]]:
    """The widths in the array W (ISO 32000-1, 9.7.4.3)."""
    items = [each.get_object() for each in given]
    at = 0
    while at < len(items):
        first = int(items[at])
        if isinstance(items[at + 1], generic.ArrayObject):
            for offset, width in enumerate(items[at + 1]):
                yield first + offset, float(width)
            at += 2
        else:
            for code in range(first, min(int(items[at + 1]), first + 65_535) + 1):
                yield code, float(items[at + 2])
            at += 3

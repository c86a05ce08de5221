"""Extras: write the raw values of a packet again, each at its place.

The sender's system wrote them, and the recipient's system may use them. They never replace a
canonical field: known elements are not written from raw values. The exceptions are elements of
vendors, which are written at their place if their type is right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.formats.edxml.elements import CHILDREN, OF_THE_FRAME
from adapters.formats.edxml.markup import escaped
from adapters.formats.edxml.names import (
    OLD_NAMESPACES,
    QCVN,
    XLINK,
    XML,
    XMLDSIG,
    is_signature,
    local_name,
)
from schemas.limits import MAX_CODE

_STEP = re.compile(r"(?:\{([^{}\s]*)\})?([^/\[\]{}\s]+)(?:\[([1-9][0-9]{0,5})\])?(?:/|\Z)")
_LETTER = "A-Za-z_\xc0-\xd6\xd8-\xf6\xf8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u1ea0-\u1ef9"
_NAME = re.compile(f"[{_LETTER}][{_LETTER}0-9.-]*")
"""Names that every XML parser accepts, in each edition of XML 1.0."""
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_MAX_STEPS = 24
_NEVER = OLD_NAMESPACES | {QCVN, XLINK, XML, XMLDSIG, "http://www.w3.org/2000/xmlns/"}
"""Namespaces whose elements are not written: programs would act on them or refuse them."""


@dataclass(kw_only=True, slots=True)
class _Extra:
    """One element of the raw values. `path` is the path of its text, if it has a text."""

    text: str = ""
    path: str | None = None
    children: "dict[tuple[str, int], _Extra]" = field(default_factory=dict)


_NOTHING = _Extra()


class Extras:
    """The raw values of one message as elements.

    Args:
        strict: Leave out unknown elements, for old programs.
    """

    def __init__(self, raw: Mapping[str, str], *, strict: bool = False) -> None:
        self._strict = strict
        self._root = _Extra()
        self.written: set[str] = set()
        """The paths of the values that were written."""
        for path, value in raw.items():
            self._add(path, value)

    def unknown(self, holder: str, path: str, *, known: frozenset[str] | None = None) -> str:
        """The unknown children of an element as markup, in the order in which they came.

        Args:
            holder: The name of the element.
            path: Its path, as in findings; the header has the empty path.
            known: The children that the format knows; None: those listed for `holder`.
        """
        if self._strict or not self._root.children:
            return ""
        place = self._at(path)
        known = CHILDREN[holder] if known is None else known
        prefix = "" if holder in {"edXML", "Attachment"} else "edXML:"
        return "".join(
            self._element(name, child, prefix=prefix, default=QCVN)
            for (name, _), child in place.children.items()
            # A widely used program ignores namespaces.
            if local_name(name) not in known and _is_writable(name, child)
        )

    def text(self, path: str, *, prefix: str = "edXML:") -> str:
        """A vendor's element, with its text and children, as markup."""
        extra, name = self._at(path), path.rpartition("/")[2]
        if not (extra.text or extra.children) or not _is_writable(name, extra):
            return ""
        return self._element(name, extra, prefix=prefix, default=QCVN)

    def texts(self, name: str) -> str:
        """All elements of a vendor with this name in the header, as markup."""
        found = [extra for (each, _), extra in self._root.children.items() if each == name]
        return "".join(
            self._element(name, extra, prefix="edXML:", default=QCVN)
            for extra in found
            if _is_writable(name, extra)
        )

    def integer(self, path: str) -> str:
        """A vendor's element that must be a number: a widely used program fails otherwise."""
        extra = self._at(path)
        fits = _INTEGER.fullmatch(extra.text) and abs(int(extra.text)) <= MAX_CODE
        return self.text(path) if fits and not extra.children else ""

    def value(self, path: str, fits: re.Pattern[str]) -> str | None:
        """The text at a path if the whole of it matches a pattern; None otherwise."""
        extra = self._at(path)
        if extra.path is None or not fits.fullmatch(extra.text):
            return None
        self.written.add(extra.path)
        return extra.text

    def says(self, path: str, word: str) -> bool:
        """Whether the text at a path contains a word, in any case."""
        return word in self._at(path).text.casefold()

    def _add(self, path: str, value: str) -> None:
        steps = _steps(path)
        if not 0 < len(steps) <= _MAX_STEPS:
            return
        extra = self._root
        for step in steps:
            extra = extra.children.setdefault(step, _Extra())
        extra.text, extra.path = value, path

    def _at(self, path: str) -> _Extra:
        extra = self._root
        for step in _steps(path):
            found = extra.children.get(step)
            if found is None:
                return _NOTHING
            extra = found
        return extra

    def _element(self, name: str, extra: _Extra, *, prefix: str, default: str) -> str:
        """An element with everything in it, as markup.

        Args:
            prefix: The prefix of the QCVN namespace; empty: QCVN is the default namespace.
            default: The default namespace at this place.
        """
        if extra.path is not None:
            self.written.add(extra.path)
        namespace, _, local = name.rpartition("}")
        if namespace:
            namespace = namespace[1:]
            tag, around = local, namespace
            declared = "" if default == namespace else f' xmlns="{_quoted(namespace)}"'
        elif prefix:
            tag, declared, around = f"{prefix}{local}", "", default
        else:
            declared = "" if default == QCVN else f' xmlns="{QCVN}"'
            tag, around = local, QCVN
        inner = "".join(
            self._element(child, each, prefix=prefix, default=around)
            for (child, _), each in extra.children.items()
        )
        text = escaped(extra.text, local)
        return f"<{tag}{declared}>{text}{inner}</{tag}>\n"


def _steps(path: str) -> list[tuple[str, int]]:
    """The names and numbers of the elements on a path; empty if the text is no path."""
    steps: list[tuple[str, int]] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or len(steps) > _MAX_STEPS:
            return []
        namespace, local, number = step.groups()
        steps.append((local if namespace is None else f"{{{namespace}}}{local}", int(number or 1)))
        at = step.end()
    return [] if path.endswith("/") else steps


def _is_writable(name: str, extra: _Extra) -> bool:
    """Whether an element and its children cannot be mistaken for elements of the format."""
    namespace, local = name.rpartition("}")[0], local_name(name)
    if is_signature(name) or not _NAME.fullmatch(local):
        return False
    if (namespace and namespace[1:] in _NEVER) or local in OF_THE_FRAME:
        return False
    return all(_is_writable(child, each) for (child, _), each in extra.children.items())


def _quoted(namespace: str) -> str:
    return namespace.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

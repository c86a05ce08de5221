"""Extras: what a packet said beyond the canonical fields, written back where it stood.

The sender's system said it and the recipient's may use it (handbook 2.6). Nothing is invented, and
nothing can take the place of a canonical field: elements that the format knows are never written
from here, apart from the vendors' own, in their place and when they fit their type.
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
"""Names that every XML parser takes, whichever edition it follows."""
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_MAX_STEPS = 24
_NEVER = OLD_NAMESPACES | {QCVN, XLINK, XML, XMLDSIG, "http://www.w3.org/2000/xmlns/"}
"""Namespaces of elements that are not written: readers would act on them, or refuse them."""


@dataclass(kw_only=True, slots=True)
class _Extra:
    """One element of the raw values. `path` is that of its text, where it has one."""

    text: str = ""
    path: str | None = None
    children: "dict[tuple[str, int], _Extra]" = field(default_factory=dict)


_NOTHING = _Extra()


class Extras:
    """The raw values of one message as elements.

    Args:
        strict: Without unknown elements, for old readers.
    """

    def __init__(self, raw: Mapping[str, str], *, strict: bool = False) -> None:
        self._strict = strict
        self._root = _Extra()
        self.written: set[str] = set()
        """The paths of the values that were written."""
        for path, value in raw.items():
            self._add(path, value)

    def unknown(self, holder: str, path: str, *, known: frozenset[str] | None = None) -> str:
        """The unknown elements of an element, in the order in which they came.

        Args:
            holder: Its name.
            path: Where it stands, as findings name it; the header itself is the empty path.
            known: Children that the format gives a place to; absent: those of its name.
        """
        if self._strict or not self._root.children:
            return ""
        place = self._at(path)
        known = CHILDREN[holder] if known is None else known
        prefix = "" if holder in {"edXML", "Attachment"} else "edXML:"
        return "".join(
            self._element(name, child, prefix=prefix, default=QCVN)
            for (name, _), child in place.children.items()
            # A widely used reader looks at local names alone.
            if local_name(name) not in known and _is_writable(name, child)
        )

    def text(self, path: str, *, prefix: str = "edXML:") -> str:
        """A vendor's element that holds text, or elements of its own."""
        extra, name = self._at(path), path.rpartition("/")[2]
        if not (extra.text or extra.children) or not _is_writable(name, extra):
            return ""
        return self._element(name, extra, prefix=prefix, default=QCVN)

    def texts(self, name: str) -> str:
        """Every vendor's element of a name in the header."""
        found = [extra for (each, _), extra in self._root.children.items() if each == name]
        return "".join(
            self._element(name, extra, prefix="edXML:", default=QCVN)
            for extra in found
            if _is_writable(name, extra)
        )

    def integer(self, path: str) -> str:
        """A vendor's element that must hold a number: a widely used reader fails on any other."""
        extra = self._at(path)
        fits = _INTEGER.fullmatch(extra.text) and abs(int(extra.text)) <= MAX_CODE
        return self.text(path) if fits and not extra.children else ""

    def value(self, path: str, fits: re.Pattern[str]) -> str | None:
        """A text that fits a pattern as a whole, for the writer to write; None when none does."""
        extra = self._at(path)
        if extra.path is None or not fits.fullmatch(extra.text):
            return None
        self.written.add(extra.path)
        return extra.text

    def says(self, path: str, word: str) -> bool:
        """Whether the text at a path holds a word, whatever its case."""
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
        """An element with all that is in it.

        Args:
            prefix: That of the QCVN namespace; empty: it is the default namespace outside.
            default: The default namespace around it.
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
    """Names and numbers of the elements on a path; none when it is no path."""
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
    """Whether readers take an element, and everything in it, as no more than what it says."""
    namespace, local = name.rpartition("}")[0], local_name(name)
    if is_signature(name) or not _NAME.fullmatch(local):
        return False
    if (namespace and namespace[1:] in _NEVER) or local in OF_THE_FRAME:
        return False
    return all(_is_writable(child, each) for (child, _), each in extra.children.items())


def _quoted(namespace: str) -> str:
    return namespace.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

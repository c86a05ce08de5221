"""Fields: read the children of one element by name and type; warn of everything unusual.

Children that nobody reads are kept as raw values by their paths, with a warning.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

from adapters.formats.edxml.dates import (
    holds_impossible_date,
    read_day,
    read_stamp,
    write_stamp,
)
from adapters.formats.edxml.elements import OF_THE_FRAME, looks_known
from adapters.formats.edxml.names import is_signature
from adapters.formats.edxml.node import Node
from adapters.formats.findings import Findings
from schemas.limits import MAX_LIST_ITEMS
from schemas.problem import DocumentError, Place
from schemas.term import term

_T = TypeVar("_T")
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")


class Fields:
    """Reads one element. An absent element has no children.

    All instances of a packet share its findings and the list of opened instances.
    """

    __slots__ = ("_dropped", "_opened", "_single", "findings", "node", "path", "present")

    def __init__(
        self,
        node: Node,
        path: str,
        findings: Findings,
        opened: "list[Fields]",
        *,
        present: bool = True,
    ) -> None:
        self.node = node
        self.path = path
        self.findings = findings
        self.present = present
        self._opened = opened
        self._single: set[str] = set()
        self._dropped = False
        opened.append(self)

    @property
    def line(self) -> int:
        """The line where the element begins; if it is absent, the line of its parent."""
        return self.node.line

    def at(self, name: str) -> str:
        """The path of a child."""
        if self.path:
            return f"{self.path}/{name}"
        # Paths outside the header begin with these names.
        return f"MessageHeader/{name}" if name in OF_THE_FRAME else name

    def counts_as(self, number: int) -> None:
        """Set the position, from 1, that the element has among those of its name when written."""
        self.path = f"{self.path.rpartition('[')[0]}[{number}]"

    def drop(self) -> None:
        """Do not use this element: keep what is in it as raw values, without a warning."""
        self._dropped = True

    # --- containers -----------------------------------------------------------------------------

    def group(self, name: str, *, path: str | None = None) -> "Fields":
        """The first child of a name; `path` replaces its path in findings."""
        node = self._only(name)
        return Fields(
            node or Node(name, self.line),
            self.at(name) if path is None else path,
            self.findings,
            self._opened,
            present=node is not None,
        )

    def groups(self, name: str) -> "list[Fields]":
        """Every child of a name; paths count from 1."""
        return [
            Fields(node, f"{self.at(name)}[{number}]", self.findings, self._opened)
            for number, node in enumerate(self._several(name), 1)
        ]

    # --- values ---------------------------------------------------------------------------------

    def text(self, name: str, limit: int | None = None) -> str | None:
        """Trimmed text; None when absent or empty.

        Args:
            limit: The most characters; a longer text gets a warning and is accepted.
        """
        node = self._leaf(name)
        return None if node is None else self._text_of(node, limit)

    def texts(self, name: str, limit: int | None = None) -> tuple[str, ...]:
        """The text of every child of a name, without the empty ones."""
        nodes = self._several(name)
        for number, node in enumerate(nodes, 1):
            self._check_leaf(node, _numbered(self.at(name), number))
        found = (self._text_of(node, limit) for node in nodes)
        return tuple(text for text in found if text is not None)

    def organ_id(self, name: str = "OrganId") -> str | None:
        """An agency's code; the text `null` counts as absent."""
        text = self.text(name)
        return None if text is None or text.casefold() == "null" else text

    def organ_ids(self) -> tuple[str, ...]:
        """Every agency's code."""
        return tuple(text for text in self.texts("OrganId") if text.casefold() != "null")

    def document_id(self) -> str | None:
        """The id as it is; an impossible date in it gets a warning."""
        node = self._filled("DocumentId")
        if node is None:
            return None
        if holds_impossible_date(node.text):
            self._warn("W_ID_DATE", node, value=node.text)
        return node.text

    def day(self, name: str) -> date | None:
        """A date; if it is impossible, None, and the text is kept as a raw value."""
        node = self._filled(name)
        if node is None:
            return None
        day = read_day(node.text)
        if day is None:
            self._invalid("W_DATE_INVALID", node)
            return None
        if not day.as_due:
            self._warn("W_DATE_FORM", node, value=node.text, date=str(day.value))
        if day.timed:
            self.findings.keep(self.at(name), node.text, line=node.line, told=True)
        return day.value

    def stamp(self, name: str) -> datetime | None:
        """A moment in UTC; if it is impossible, None, and the text is kept as a raw value."""
        node = self._filled(name)
        if node is None:
            return None
        stamp = read_stamp(node.text)
        if stamp is None:
            self._invalid("W_DATE_INVALID", node)
            return None
        if not stamp.as_due:
            self._warn("W_DATE_FORM", node, value=node.text, date=write_stamp(stamp.value))
        if not stamp.timed:
            self._warn("W_STAMP_DATE_ONLY", node, value=node.text)
        return stamp.value

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """A number within bounds; otherwise None, and the text is kept as a raw value."""
        node = self._filled(name)
        if node is None:
            return None
        if _INTEGER.fullmatch(node.text) and low <= int(node.text) <= high:
            return int(node.text)
        self._invalid("W_NUMBER_INVALID", node)
        return None

    def flag(self, name: str) -> bool | None:
        """A flag: 0 or 1."""
        number = self.integer(name, low=0, high=1)
        return None if number is None else bool(number)

    # --- what we give no meaning to -------------------------------------------------------------

    def keep(self, *names: str) -> None:
        """Keep known children as raw values, without a warning."""
        for name in names:
            for number, node in _counted(self.node.take_all(name)):
                _keep(node, _numbered(self.at(name), number), self.findings)

    def left_over(self) -> None:
        """Keep the children that nobody has read as raw values, with warnings."""
        if self._dropped:
            _keep_children(self.node, self.path, self.findings)
            return
        if self.node.text:
            # Text is not expected between elements.
            path = self.path or "MessageHeader"
            self.findings.doubtful("W_MIXED_CONTENT", line=self.line, field=path)
            self.findings.keep(path, self.node.text, line=self.line, told=True)
        left = [
            (node, name, number)
            for name, nodes in self.node.children.items()
            for number, node in _counted(nodes, 2 if name in self._single else 1)
        ]
        for node, name, number in sorted(left, key=lambda each: each[0].order):
            path = _numbered(self.at(name), number)
            if name in self._single:
                self.findings.doubtful("W_ELEMENT_REPEATED", line=node.line, field=path)
            elif looks_known(self.node.name, name):
                self.findings.doubtful("W_UNKNOWN_ELEMENT", line=node.line, field=path)
            else:
                self.findings.warn("W_UNKNOWN_ELEMENT", line=node.line, field=path, element=path)
            _keep(node, path, self.findings, told=name in self._single)

    def _only(self, name: str) -> Node | None:
        """The first child of a name that may occur once; others get a warning at the end."""
        self._single.add(name)
        return self.node.take(name)

    def _several(self, name: str) -> list[Node]:
        """All children of a name. Raises `DocumentError` E_LIMIT if there are too many."""
        nodes = self.node.take_all(name)
        if len(nodes) > MAX_LIST_ITEMS:
            place = Place(line=self.line, field=self.at(name))
            raise DocumentError.of("E_LIMIT", place=place, what=term("items"), limit=MAX_LIST_ITEMS)
        return nodes

    def _leaf(self, name: str) -> Node | None:
        node = self._only(name)
        if node is not None:
            self._check_leaf(node, self.at(name))
        return node

    def _check_leaf(self, node: Node, path: str) -> None:
        """Warn of elements where only text is expected, and keep them as raw values."""
        if node.children:
            self.findings.doubtful("W_MIXED_CONTENT", line=node.line, field=path)
            _keep_children(node, path, self.findings, told=True)

    def _filled(self, name: str) -> Node | None:
        node = self._leaf(name)
        return node if node is not None and node.text else None

    def _text_of(self, node: Node, limit: int | None) -> str | None:
        if limit is not None and len(node.text) > limit:
            self._warn("W_LENGTH", node, length=str(len(node.text)), limit=str(limit))
        return node.text or None

    def _invalid(self, code: str, node: Node) -> None:
        self._warn(code, node, value=node.text)
        self.findings.keep(self.at(node.name), node.text, line=node.line, told=True)

    def _warn(self, code: str, node: Node, **params: str) -> None:
        self.findings.warn(
            code, line=node.line, field=self.at(node.name), cause=None, file=None, **params
        )


def _numbered(path: str, number: int) -> str:
    return path if number == 1 else f"{path}[{number}]"


def read_all(groups: Sequence[Fields], read: Callable[[Fields], _T | None]) -> tuple[_T, ...]:
    """Read all elements of one name; those without a value get the last positions."""
    taken: list[_T] = []
    dropped: list[Fields] = []
    for fields in groups:
        value = read(fields)
        if value is None:
            dropped.append(fields)
        else:
            taken.append(value)
            fields.counts_as(len(taken))
    for number, fields in enumerate(dropped, len(taken) + 1):
        fields.counts_as(number)
    return tuple(taken)


def _counted(nodes: Sequence[Node], first: int = 1) -> "enumerate[Node]":
    """Nodes of one name with their numbers; nodes without text, which are not kept, come last."""
    return enumerate(sorted(nodes, key=lambda node: not _says(node)), first)


def _says(node: Node) -> bool:
    if is_signature(node.name):
        return False
    return bool(node.text) or any(any(map(_says, nodes)) for nodes in node.children.values())


def _keep(node: Node, path: str, findings: Findings, *, told: bool = False) -> None:
    if is_signature(node.name):
        return  # it may contain an agency's access token
    if node.text:
        findings.keep(path, node.text, line=node.line, told=told)
    _keep_children(node, path, findings, told=told)


def _keep_children(node: Node, path: str, findings: Findings, *, told: bool = False) -> None:
    children = [
        (child, _numbered(f"{path}/{name}", number))
        for name, nodes in node.children.items()
        for number, child in _counted(nodes)
    ]
    for child, place in sorted(children, key=lambda each: each[0].order):
        _keep(child, place, findings, told=told)

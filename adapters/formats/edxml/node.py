"""Node: an element in the tree of a packet."""

from collections.abc import Mapping
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


class Node:
    """An element. Reading a child removes it, so what remains was not read.

    Attributes:
        name: The local name in the QCVN namespace; of other namespaces `{namespace}name`.
        line: The line in the original file.
        text: Its own text, trimmed, without the text of its children.
        order: Grows in the order of the file.
        attributes: Filled only inside an XML signature.
    """

    __slots__ = ("attributes", "children", "line", "name", "order", "text")

    def __init__(self, name: str, line: int, order: int = 0) -> None:
        self.name = name
        self.line = line
        self.order = order
        self.text = ""
        self.children: dict[str, list[Node]] = {}
        self.attributes = _NONE

    def take(self, name: str) -> "Node | None":
        """Remove and return the first child of a name; None if there is none."""
        found = self.children.get(name)
        if found is None:
            return None
        first = found.pop(0)
        if not found:
            del self.children[name]
        return first

    def take_all(self, name: str) -> "list[Node]":
        """Remove and return all children of a name."""
        return self.children.pop(name, [])

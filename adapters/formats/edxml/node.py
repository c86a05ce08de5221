"""Node: one element of a packet's tree, whose children are taken by name."""

from collections.abc import Mapping
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


class Node:
    """An element. What nobody takes of its children is left over.

    Attributes:
        name: The local name in the QCVN namespace, else `{namespace}name`.
        line: In the original file.
        text: Trimmed; its own, without that of its children.
        order: Tells which of two elements came first.
        attributes: Inside an XML signature only.
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
        """Take the first child of a name; None when there is none."""
        found = self.children.get(name)
        if found is None:
            return None
        first = found.pop(0)
        if not found:
            del self.children[name]
        return first

    def take_all(self, name: str) -> "list[Node]":
        """Take every child of a name."""
        return self.children.pop(name, [])

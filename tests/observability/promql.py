"""PromQL, as far as a reader needs it: which metrics an expression names, and with which labels.

Whether it is valid is left to promtool.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>\d[\w.]*)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){}\[\],@:])
    |(?P<space>\s+)""",
    re.VERBOSE,
)
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """One metric as it is named, and the values that its labels are compared with."""

    metric: str
    labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What stands in one expression.

    Attributes:
        grouped: Labels in `by (…)`, `on (…)` and their like.
    """

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]


def read(expression: str) -> Reading:
    """Read one expression, whose Grafana variables have been filled in.

    Raises:
        ValueError: It holds something unknown here.
    """
    tokens = _tokens(expression)
    selectors: list[Selector] = []
    grouped: set[str] = set()
    at = 0
    while at < len(tokens):
        kind, word = tokens[at]
        at += 1
        following = tokens[at][1] if at < len(tokens) else ""
        if kind != "name":
            continue
        if word in _GROUPING:
            if following == "(":
                end = tokens.index(("sign", ")"), at)
                grouped |= {name for kind, name in tokens[at:end] if kind == "name"}
                at = end + 1
        elif word.lower() not in _WORDS and following != "(" and following not in _GROUPING:
            labels: dict[str, tuple[str, ...]] = {}
            if following == "{":
                end = tokens.index(("sign", "}"), at)
                labels = _compared(tokens[at + 1 : end])
                at = end + 1
            selectors.append(Selector(metric=word, labels=labels))
    return Reading(selectors=tuple(selectors), grouped=frozenset(grouped))


def _compared(tokens: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Label, sign, text, comma: the values of plain comparisons and of alternatives."""
    labels = {}
    for at, (kind, word) in enumerate(tokens):
        if kind == "name":
            (_, sign), (_, text) = tokens[at + 1], tokens[at + 2]
            labels[word] = tuple(text[1:-1].split("|")) if "~" in sign else (text[1:-1],)
    return labels


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"cannot read {expression[at:]!r}")
        if found.lastgroup != "space":
            tokens.append((found.lastgroup, found.group()))
        at = found.end()
    return tokens

"""Table width: a table that is too wide for its terminal is written with one line for each field.

Otherwise columns would shrink until some of them disappear.
"""

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

_FOLDED = 20
"""Longer words are broken into lines."""


def fit_to_width(table: Table, *, width: int) -> RenderableType:
    """The table; if it is too wide, its rows one below the other, with one line for each field."""
    if least_width(table) <= width:
        return table
    titles = [_plain(column.header) or f"({number})" for number, column in enumerate(table.columns)]
    columns = [
        [*column.cells, *([column.footer] if table.show_footer else [])] for column in table.columns
    ]
    shown: list[RenderableType] = [Text(_plain(table.title), "bold")] if table.title else []
    for number, row in enumerate(zip(*columns, strict=True)):
        if number:
            shown.append(Text())
        shown.append(_record(zip(titles, table.columns, row, strict=True)))
    return Group(*shown)


def least_width(table: Table) -> int:
    """The least width, in characters, at which every column can be read."""
    _, right, _, left = table.padding
    between = len(table.columns) + 1 if table.box else 0
    return between + sum(_least(column) + left + right for column in table.columns)


def _least(column: Column) -> int:
    texts = [_plain(column.header), *map(_plain, column.cells)]
    if column.no_wrap:
        return max(cell_len(line) for text in texts for line in text.split("\n"))
    longest = max((cell_len(word) for text in texts for word in text.split()), default=1)
    return max(min(longest, _FOLDED), column.min_width or 1)


def _record(fields: Iterable[tuple[str, Column, RenderableType]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, column, value in fields:
        grid.add_row(title, value if isinstance(value, Text) else Text(str(value), column.style))
    return grid


def _plain(shown: RenderableType) -> str:
    """The text of a cell."""
    return shown.plain if isinstance(shown, Text) else str(shown)

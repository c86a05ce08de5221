"""The directory as a CSV file that spreadsheets read and write (RFC 4180).

Files are written in UTF-8 with a byte order mark, commas and CRLF. Files are also read in UTF-16
with its mark, with semicolons or tabs, and with any line end. A cell that a spreadsheet would treat
as a formula gets an apostrophe in front, which reading removes.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence

from bus.core.directory_import import ImportRefusedError
from bus.core.directory_rows import CellProblem, Column, NumberedRow, rows_of
from schemas.directory import Directory
from schemas.limits import MAX_AGENCIES, MAX_DIRECTORY_CSV_BYTES
from schemas.problem import AxisError, Problem

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_SEPARATORS = ",;\t"
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NEEDED = Column.CODE


def to_csv(directory: Directory) -> bytes:
    """Write a table of all agencies. Importing it changes nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(list(Column))
    for row in rows_of(directory).values():
        texts = [row[column] for column in Column]
        writer.writerow([f"'{text}" if _FORMULA.match(text) else text for text in texts])
    return codecs.BOM_UTF8 + text.getvalue().encode()


def read_csv(data: bytes) -> tuple[NumberedRow, ...]:
    """Read the rows of a table.

    Raises:
        ImportRefusedError: Wrong encoding, header or quotation marks, or too many cells in a row.
    """
    if len(data) > MAX_DIRECTORY_CSV_BYTES:
        error = AxisError.of("E_TOO_LARGE", size=len(data), limit=MAX_DIRECTORY_CSV_BYTES)
        raise _refused(None, error)
    text = _decoded(data)
    separator, text = _separator_of(text)
    lines = _lines(text, separator)
    number, header = next(lines, (1, []))
    columns = _columns(number, header)
    rows: list[NumberedRow] = []
    problems: list[CellProblem] = []
    for number, cells in lines:
        if len(rows) > MAX_AGENCIES:
            error = AxisError.of("E_DIRECTORY_SIZE", limit=MAX_AGENCIES)
            raise _refused(number, error)
        if any(cells[len(columns) :]):
            error = AxisError.of("E_TABLE_CELLS", count=len(cells), limit=len(columns))
            problems.append(CellProblem(row=number, column=None, problem=error.problem))
            continue
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        values = [cell[1:] if _ESCAPED.match(cell) else cell for cell in padded]
        named = dict(zip(columns, values, strict=False))
        rows.append(NumberedRow(number=number, cells=named))
    if problems:
        raise ImportRefusedError(problems)
    return tuple(rows)


def _decoded(data: bytes) -> str:
    mark, encoding = next((each for each in _ENCODINGS if data.startswith(each[0])), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise _refused(row, AxisError.of("E_TABLE_ENCODING")) from error


def _separator_of(text: str) -> tuple[str, str]:
    """The separator of cells, and the text without a leading line `sep=…`."""
    if stated := re.match(r"sep=(.)\r?\n", text):
        return stated[1], text[stated.end() :]
    header = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
    return max(_SEPARATORS, key=header.count), text


def _lines(text: str, separator: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not empty, each with its number."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _refused(number, AxisError.of("E_TABLE_QUOTES")) from error
        if any(cell.strip() for cell in cells):
            yield number, cells


def _columns(number: int, header: Sequence[str]) -> Sequence[Column]:
    names = [cell.strip().lower() for cell in header]
    while names and not names[-1]:
        names.pop()
    problems: list[Problem] = []
    for name in names:
        if name not in set(Column):
            known = ", ".join(Column)
            problems.append(AxisError.of("E_TABLE_COLUMN", name=name, known=known).problem)
        elif names.count(name) > 1:
            problems.append(AxisError.of("E_TABLE_COLUMN_TWICE", name=name).problem)
    if _NEEDED not in names:
        problems.append(AxisError.of("E_TABLE_COLUMN_MISSING", name=_NEEDED).problem)
    if problems:
        told = list({str(problem): problem for problem in problems}.values())
        raise ImportRefusedError([CellProblem(row=number, column=None, problem=p) for p in told])
    return [Column(name) for name in names]


def _refused(row: int | None, error: AxisError) -> ImportRefusedError:
    return ImportRefusedError([CellProblem(row=row, column=None, problem=error.problem)])

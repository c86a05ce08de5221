"""What commands print is data: never markup, never obeyed, never too wide, never unprintable."""

import io
import json
import sys
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.cli.encoding import print_anything
from bus.cli.output import listing, note, print_json, tell
from schemas.problem import Place, Problem
from schemas.safe_text import escaped, legible, legible_lines

NAME = "Sở [bold]Dữ liệu[/bold] [/x] :smile: \x1b[31m\u202e147\x9b2J"
ROWS = ({"code": "H24", "name": NAME, "kind": "unit", "days": 3},)


class Streams:
    """Standard output and standard error of one encoding."""

    def __init__(self, encoding: str) -> None:
        self._out, self._err = io.BytesIO(), io.BytesIO()
        self.encoding = encoding
        self.stdout = io.TextIOWrapper(self._out, encoding=encoding, errors="strict")
        self.stderr = io.TextIOWrapper(self._err, encoding=encoding, errors="strict")

    def out(self) -> bytes:
        self.stdout.flush()
        return self._out.getvalue()

    def err(self) -> bytes:
        self.stderr.flush()
        return self._err.getvalue()


ENCODINGS = pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1258"])


def printing(encoding: str, monkeypatch: pytest.MonkeyPatch) -> Streams:
    """What a command prints from now on, on a terminal of this encoding."""
    made = Streams(encoding)
    monkeypatch.setattr(sys, "stdout", made.stdout)
    monkeypatch.setattr(sys, "stderr", made.stderr)
    print_anything()
    return made


@ENCODINGS
def test_a_table_is_printed_whatever_the_terminal_writes_with(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = printing(encoding, monkeypatch)
    listing(ROWS, as_json=False, title="Đơn vị [red]")

    text = streams.out().decode(streams.encoding)
    assert "[bold]" in text
    assert "[/x] :smile:" in text
    assert "[red]" in text
    assert not set(text) & set("\x1b\x9b\u202e")


@ENCODINGS
def test_json_is_always_utf_8_and_says_what_was_said(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = printing(encoding, monkeypatch)
    listing(ROWS, as_json=True)

    out = streams.out()
    assert json.loads(out.decode("utf-8")) == list(ROWS)
    assert "Dữ liệu" in out.decode("utf-8")
    assert not set(out.decode("utf-8")) & set("\x1b\x9b\u202e")


@ENCODINGS
def test_a_problem_and_a_note_are_told_whatever_the_terminal_writes_with(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = printing(encoding, monkeypatch)
    tell(
        Problem(code="E_AGENCY_UNKNOWN", params={"code": NAME}, place=Place(file=NAME), detail=NAME)
    )
    note(NAME)

    text = streams.err().decode(streams.encoding)
    assert text.count("[/x]") == 5
    assert not set(text) & set("\x1b\x9b\u202e")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_column_is_dropped_however_narrow_the_terminal_is(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows: Sequence[Mapping[str, object]] = [
        {
            "code": f"H{number:02}",
            "name": "Ủy ban nhân dân thành phố",
            "mailbox": "H24",
            "suspended": False,
            "confidence": "uncertain",
            "thumbprint": "kV9fXo1lq3yQeY7b5o0n8XG1a2b3c4d5e6f7g8h9i0j",
        }
        for number in range(3)
    ]

    listing(rows, as_json=False, title="Directory")

    lines = capsys.readouterr().out.splitlines()
    together = "".join("".join(lines).split())
    assert max(map(len, lines)) <= width
    for row in rows:
        assert str(row["code"]) in together
    for name in rows[0]:
        assert name in together
    assert together.count("no") >= 3
    shown = "".join(char for char in together if char not in "│┃")
    assert "nhândân" in shown or width == 80


def test_into_a_pipe_that_states_no_width_a_row_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    listing([{"name": "x" * 300}, {"name": "short"}], as_json=False)

    assert "x" * 300 in capsys.readouterr().out


@given(value=st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_escapes_change_nothing_that_json_says(value: object) -> None:
    text = escaped(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(text) == value
    assert legible_lines(text) == text


@given(text=st.text())
def test_nothing_that_a_terminal_obeys_is_legible(text: str) -> None:
    assert all(char.isprintable() or char.isspace() for char in legible(text))
    assert "\n" not in legible(text)
    assert "\r" not in legible_lines(text)


def test_print_json_takes_what_a_file_name_that_is_not_utf_8_holds(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    print_json({"file": "a\udcff.edxml"})

    assert json.loads(capsysbinary.readouterr().out.decode("utf-8")) == {"file": "a\udcff.edxml"}

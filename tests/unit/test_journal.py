"""Each command that changes something leaves one true row in the journal, however it ends."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.cli import main
from bus.keys.authority import DevelopmentAuthority
from schemas.identifiers import MailboxName

KILLED_INSIDE = """
import os, signal, sys
from pathlib import Path
from bus.cli.recorded import recorded
from bus.settings import load_settings

with recorded(load_settings(home=Path(sys.argv[1])), "keys revoke", "X98"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Operator:
    """Somebody who types commands in a home."""

    def __init__(
        self, home: Path, screen: pytest.CaptureFixture[str], patched: pytest.MonkeyPatch
    ) -> None:
        self.home, self._screen, self._patched = home, screen, patched

    def types(self, *words: str | Path) -> tuple[int, str]:
        """Run a command in this process; its exit code and what it printed."""
        self._screen.readouterr()
        self._patched.setattr(
            sys, "argv", ["lienthong", *map(str, words), "--home", str(self.home)]
        )
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        return code, self._screen.readouterr().out

    def journal(self, *filters: str) -> list[dict[str, Any]]:
        """What `lienthong journal` says to scripts."""
        code, said = self.types("journal", *filters, "--json")
        assert code == 0
        rows: list[dict[str, Any]] = json.loads(said)
        return rows


@pytest.fixture
def operator(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    monkeypatch.setenv("LIENTHONG_OPERATOR", "lan")
    made = Operator(tmp_path / "axis", capfd, monkeypatch)
    now = datetime.now(UTC)
    DevelopmentAuthority.open(made.home / "keys", now=now).ensure([MailboxName("X98")], now=now)
    assert made.types("agency", "add", "X98", "--name", "Tỉnh Ví Dụ", "--connected")[0] == 0
    return made


def told(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(row["what"], row["about"], row["outcome"]) for row in rows]


def test_every_change_has_its_row(operator: Operator, tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text("code,name\nX98.05,Sở Dữ liệu mẫu\n", encoding="utf-8")
    for command in (
        ("keys", "rotate", "X98"),
        ("keys", "request", "X98"),
        ("agency", "import", table),
        ("agency", "suspend", "X98"),
        ("directory", "restore", "1", "--force"),
    ):
        assert operator.types(*command)[0] == 0, command

    rows = operator.journal()

    assert told(rows) == [
        ("agency add", "X98", "done"),
        ("keys rotate", "X98", "done"),
        ("keys request", "X98", "done"),
        ("agency import", "more.csv", "done"),
        ("agency suspend", "X98", "done"),
        ("directory restore", "version 1", "done"),
    ]
    assert {row["operator"] for row in rows} == {"lan"}


def test_what_only_looks_has_none(operator: Operator) -> None:
    for command in (("agency", "list"), ("keys", "list"), ("directory", "restore", "--dry-run")):
        operator.types(*command)

    assert told(operator.journal()) == [("agency add", "X98", "done")]


def test_what_was_refused_has_a_row_that_says_so(operator: Operator) -> None:
    assert operator.types("agency", "add", "X98", "--name", "Tỉnh khác")[0] == 2

    [_, row] = operator.journal()

    assert (row["what"], row["outcome"]) == ("agency add", "refused")
    assert row["code"].startswith("E_")


def test_the_reason_of_a_revocation_is_kept(operator: Operator) -> None:
    reason = "keyCompromise"
    assert operator.types("keys", "revoke", "X98", "--reason", reason)[0] == 0

    [row] = operator.journal("--what", "keys revoke")

    assert (row["why"], row["outcome"]) == (reason, "done")
    assert row["about"].startswith("X98 ")


def test_what_was_killed_in_the_middle_has_a_row_that_says_it_was_begun(
    operator: Operator,
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_INSIDE, operator.home], env=os.environ, check=False
    )

    [_, row] = operator.journal()

    assert killed.returncode == -signal.SIGKILL
    assert (row["what"], row["about"], row["outcome"]) == ("keys revoke", "X98", "begun")


def test_rows_are_shown_as_a_table_and_found_by_what_they_say(operator: Operator) -> None:
    operator.types("agency", "suspend", "X98")

    code, table = operator.types("journal")

    assert code == 0
    assert "agency suspend" in table
    assert told(operator.journal("--what", "agency s")) == [("agency suspend", "X98", "done")]
    assert operator.journal("--who", "minh") == []
    assert operator.journal("--until", "2019-03-12") == []
    assert operator.types("journal", "--since", "soon")[0] == 2


def test_nothing_is_done_while_the_journal_cannot_be_written(operator: Operator) -> None:
    (operator.home / "failures.db").unlink()
    (operator.home / "failures.db").mkdir()

    code, _ = operator.types("agency", "suspend", "X98")
    _, listed = operator.types("agency", "list", "--json")

    assert code == 4
    assert [row["suspended"] for row in json.loads(listed)] == [False] * len(json.loads(listed))

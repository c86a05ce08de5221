"""`lienthong send`: every name becomes one that is taken, and a mistyped home is no new one."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from adapters.endpoints.naming import is_taken, name_to_drop
from adapters.endpoints.outbox import REPORT_SUFFIX, Outbox
from adapters.endpoints.staging import Staging
from bus.cli.app import app
from bus.core.sealing import asks_to_be_sealed
from bus.home.layout import Home
from schemas.problem import ConfigurationError
from tests.support.homes import set_up

ROOT = Path(__file__).parents[2]
MARK = "20260312T021500000000"
TITLE = "Công văn về việc rà soát danh mục mẫu của các cơ quan trung ương và địa phương " * 3
ODD = (
    ".x",
    "..x.edxml",
    "x.tmp",
    "x~",
    "x.edxml~",
    "X.PART",
    "x.swp",
    ".x.crdownload",
    "...",
    TITLE[:170],
    f"{TITLE[:170]}.edxml",
    "a" * 255,
    "a.tmp" + "b" * 250,
    "x." + "y" * 200,
    "no suffix",
    "a\udcff.edxml",
    "two\nlines.edxml",
)


@pytest.mark.parametrize("ending", ["", ".sealed"])
@pytest.mark.parametrize("said", ODD, ids=ascii)
def test_an_odd_name_becomes_one_that_an_outbox_takes(
    tmp_path: Path, said: str, ending: str
) -> None:
    name = name_to_drop(said, MARK, ending=ending)
    outbox = Outbox(tmp_path, Staging(tmp_path), settle=timedelta(0))
    (tmp_path / "outbox" / f".{name}.part").write_bytes(b"a letter")
    (tmp_path / "outbox" / f".{name}.part").rename(tmp_path / "outbox" / name)

    assert [each.name for each in outbox.arrivals.look()] == [name]
    (tmp_path / "refused" / (name + REPORT_SUFFIX)).touch()
    assert asks_to_be_sealed(name) is bool(ending)


@given(
    said=st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=300),
    ending=st.sampled_from(["", ".sealed"]),
)
def test_whatever_the_name_it_is_taken_and_fits(said: str, ending: str) -> None:
    name = name_to_drop(said, MARK, ending=ending)

    assert is_taken(name)
    assert len(f".{name}.part".encode()) <= 255
    assert len((name + REPORT_SUFFIX).encode()) <= 255
    assert asks_to_be_sealed(name) is bool(ending) or said.endswith(".sealed")


def test_long_names_that_differ_only_at_their_end_stay_apart() -> None:
    names = {name_to_drop(f"{TITLE}{number}.edxml", MARK) for number in range(20)}

    assert len(names) == 20
    assert all(name.endswith(".edxml") for name in names)


LOOKING = (
    ("agency", "list"),
    ("agency", "show", "H24"),
    ("agency", "suspend", "H24"),
    ("agency", "resume", "H24"),
    ("agency", "seal", "H24"),
    ("agency", "vouch", "H24"),
    ("agency", "rotate", "H24"),
    ("agency", "credentials", "H24", "--to", "there"),
    ("agency", "edit", "H24", "--name", "x"),
    ("agency", "remove", "H24"),
    ("agency", "export"),
    ("agency", "import", "letter.edxml", "--dry-run"),
    ("directory", "history"),
    ("directory", "restore", "1"),
    ("send", "letter.edxml", "--as", "H24"),
    ("topology", "plan"),
    ("topology", "verify"),
    ("keys", "list"),
    ("keys", "show"),
    ("keys", "sources"),
    ("keys", "seal-show"),
    ("keys", "seal-rotate", "H24"),
    ("keys", "rotate", "H24"),
    ("keys", "revoke", "H24", "--reason", "superseded"),
    ("dlq", "groups"),
    ("dlq", "list"),
    ("dlq", "show", "1a2b"),
    ("dlq", "replay", "--all"),
    ("dlq", "discard", "--all", "--reason", "no"),
    ("dlq", "restore", "--all"),
    ("dlq", "orders"),
    ("dlq", "follow", "o1"),
    ("dlq", "cancel", "o1"),
    ("dlq", "approve", "o1"),
    ("dlq", "export"),
    ("dlq", "watch"),
    ("top",),
    ("connect", "--agency", "H24"),
)


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_no_command_that_looks_makes_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], there: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.edxml").write_text("a letter")
    home = tmp_path / "axsi"
    if there:
        home.mkdir()

    result = CliRunner().invoke(app, [*words, "--home", str(home)])

    assert isinstance(result.exception, ConfigurationError), result.output
    assert result.exception.problem.code == "E_HOME_UNKNOWN"
    assert str(home) in result.exception.problem.text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(["axsi"] * there), "letter.edxml"]
    assert not there or not list(home.iterdir())


def test_the_default_home_is_looked_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIENTHONG_HOME", str(tmp_path / "mistyped"))

    result = CliRunner().invoke(app, ["agency", "list"])

    assert isinstance(result.exception, ConfigurationError)
    assert "mistyped" in result.exception.problem.text()


def test_a_home_that_is_made_by_adding_an_agency_is_told(tmp_path: Path) -> None:
    home = tmp_path / "new"
    words = ["agency", "add", "X01", "--name", "Sở mẫu", "--home", str(home)]

    first, second = CliRunner().invoke(app, words), CliRunner().invoke(app, ["agency", "list"])

    assert "one is set up" in first.stderr
    assert Home(home).exists
    assert second.exit_code != 0


def test_without_an_axis_it_says_at_once_that_the_file_waits(tmp_path: Path) -> None:
    home = set_up(tmp_path / "axis")
    (tmp_path / "letter.edxml").write_text("a letter")

    with Home(home).in_use():
        assert Home(home).is_in_use()
    result = CliRunner().invoke(
        app,
        [
            "send",
            str(tmp_path / "letter.edxml"),
            "--as",
            "H24",
            "--home",
            str(home),
            "--wait",
            "99",
        ],
    )

    assert result.exit_code == 3
    assert "no axis runs" in result.stderr
    assert len(list((home / "agencies" / "H24" / "outbox").iterdir())) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("send", "letter.edxml", "--as", "Q99"),
        ("up", "--agencies", "H24,ZZZ"),
        ("agency", "show", "Q99"),
    ],
    ids=" ".join,
)
def test_a_code_that_nobody_has_is_no_receivers(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "letter.edxml").write_text("a letter")
    home = set_up(tmp_path / "axis")

    # A process of its own: `up` sets the logging of the whole process up.
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", *words, "--home", str(home)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(b"E_AGENCY_UNKNOWN")
    assert b"eceiver" not in done.stderr

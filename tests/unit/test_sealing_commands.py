"""Who asks for a seal on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bus.cli.app import app
from bus.core.sealing import asks_to_be_sealed
from tests.support.homes import set_up


def _run(*words: str, home: Path) -> str:
    result = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("name", "words", "asks"),
    [
        ("letter.edxml", ["--seal"], True),
        ("letter.sealed.edxml", [], True),
        ("letter", ["--seal"], True),
        ("letter.edxml~", ["--seal"], True),
        ("letter.tmp", ["--seal"], True),
        ("letter.edxml", [], False),
    ],
)
def test_a_file_is_dropped_under_a_name_that_asks(
    tmp_path: Path, name: str, words: list[str], asks: bool
) -> None:
    letter = tmp_path / name
    letter.write_text("a letter")
    home = set_up(tmp_path / "axis")
    _run("send", str(letter), "--as", "G22", "--wait", "0", *words, home=home)

    [dropped] = (tmp_path / "axis" / "agencies" / "G22" / "outbox").iterdir()
    assert asks_to_be_sealed(dropped.name) is asks


def test_an_agency_seals_everything_until_it_is_told_otherwise(tmp_path: Path) -> None:
    home = set_up(tmp_path / "axis")

    def seals() -> bool:
        return bool(json.loads(_run("agency", "show", "G22", "--json", home=home))["seals"])

    before = seals()
    _run("agency", "seal", "G22", home=home)
    sealing = seals()
    _run("agency", "unseal", "G22", home=home)

    assert [before, sealing, seals()] == [False, True, False]

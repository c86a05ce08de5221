"""What an operator chooses is read alike by every process, or refused in one sentence."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bus.cli.app import app
from bus.settings import load_settings, misspelt
from schemas.errors import FailureClass
from schemas.problem import ConfigurationError
from tests.support.homes import set_up


def test_a_worker_reads_the_very_choices_of_its_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = load_settings(
        home=tmp_path,
        workers=3,
        may_install=True,
        edxml_strict=["H05", "G09"],
        retries={FailureClass.OURS: (timedelta(seconds=5), timedelta(minutes=2))},
    )

    for name, value in chosen.environment.items():
        monkeypatch.setenv(name, value)

    assert load_settings() == chosen


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('{"ours": [5, "PT2M"]', "delimiter"),
        ('{"nobody": [5]}', "nobody"),
        ('{"ours": ["soon"]}', "ours.0"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_in_one_sentence(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENTHONG_RETRIES", value)

    with pytest.raises(ConfigurationError, match="E_SETTING") as refused:
        load_settings()

    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("name", "code", "nearest"),
    [
        ("LIENTHONG_SEALL", "W_SETTING_MISSPELT", "LIENTHONG_SEAL"),
        ("LIENTHONG_DATABSE_URL", "W_SETTING_MISSPELT", "LIENTHONG_DATABASE_URL"),
        ("LIENTHONG_AMPQ_URL", "W_SETTING_MISSPELT", "LIENTHONG_AMQP_URL"),
        ("lienthong_hoem", "W_SETTING_MISSPELT", "LIENTHONG_HOME"),
        ("LIENTHONG_XYZZY", "W_SETTING_UNKNOWN", None),
    ],
)
def test_a_misspelt_setting_is_told_with_the_nearest_one(
    name: str, code: str, nearest: str | None
) -> None:
    [warned] = misspelt(["PATH", "LIENTHONG_HOME", "lienthong_home", "LIENTHONG_OPERATOR", name])

    assert (warned.code, warned.params["name"]) == (code, name)
    assert warned.params.get("nearest") == nearest


def test_every_setting_that_is_read_is_known(tmp_path: Path) -> None:
    assert misspelt(load_settings(home=tmp_path).environment) == ()


def test_what_is_misspelt_is_told_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENTHONG_AMPQ_URL", "amqps://account:hidden@host:5671/")

    result = CliRunner().invoke(app, ["agency", "list", "--home", str(set_up(tmp_path / "axis"))])

    assert result.exit_code == 0
    assert result.stderr.count("LIENTHONG_AMQP_URL") == 2
    assert "hidden" not in result.output


def test_a_ledger_is_refused_until_there_is_one() -> None:
    """Its queue would be declared, filled and never consumed."""
    with pytest.raises(ConfigurationError, match="LIENTHONG_LEDGER"):
        load_settings(ledger=True)

"""One process owns a home, and others find the broker that runs in it."""

import os
from pathlib import Path

import pytest

from bus.bootstrap.directory import directory_of
from bus.home.layout import Home, Running
from bus.settings import load_settings
from schemas.problem import ConfigurationError


def test_a_second_owner_is_told_who_has_the_home(tmp_path: Path) -> None:
    with Home(tmp_path).in_use():
        with pytest.raises(ConfigurationError, match=f"pid {os.getpid()}"):
            with Home(tmp_path).in_use():
                pass

    with Home(tmp_path).in_use():
        pass


def test_a_running_axis_is_found_until_it_ends_and_its_password_is_private(tmp_path: Path) -> None:
    home, running = Home(tmp_path), Running(pid=os.getpid(), amqp_url="a", management_url="m")

    with home.announced(running):
        assert home.running() == running
        assert home.running_file.stat().st_mode & 0o077 == 0

    assert home.running() is None


def test_the_first_directory_holds_the_95_bodies(tmp_path: Path) -> None:
    file = directory_of(load_settings(home=tmp_path))

    seeded = file.load()

    assert len(seeded.agencies) == 95
    assert file.load() == seeded


def test_a_broken_directory_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text('{"agencies": [{"code": ""}]}')

    with pytest.raises(ConfigurationError, match="E_DIRECTORY"):
        directory_of(load_settings(home=tmp_path)).load()


def test_a_wrong_setting_is_named_as_the_operator_wrote_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIENTHONG_PREFETCH", "many")

    with pytest.raises(ConfigurationError, match="LIENTHONG_PREFETCH"):
        load_settings()

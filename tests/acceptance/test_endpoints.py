"""The endpoint of the documentation, installed as a package of its own, on a real axis."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import ParcelKind
from bus.bootstrap.directory import directory_of
from bus.core.directory import seed_directory
from bus.home.directory_file import seed_text
from bus.settings import load_settings
from tests.acceptance.conftest import RunningAxis, eventually
from tests.acceptance.packets import a_packet
from tests.support.documented import code_of, modules_of
from tests.support.folders import context_of
from tests.support.strangers import install_package

PAGE = "write-an-endpoint.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in whose directory H41 is reached through the mailroom."""
    folder = tmp_path_factory.mktemp("endpoints")
    install_package(
        folder / "strangers",
        name="mailroom",
        code=code_of(PAGE)["mailroom"],
        entry_points="[lienthong.endpoints]\nmailroom = mailroom:MailroomEndpoint\n",
    )
    directory = seed_directory(seed_text())
    agencies = tuple(
        agency.model_copy(update={"endpoint": "mailroom"}) if agency.code == "H41" else agency
        for agency in directory.agencies
    )
    directory_of(load_settings(home=folder / "axis")).save(
        directory.model_copy(update={"agencies": agencies})
    )
    return folder / "axis"


@pytest.fixture(scope="module")
def system(home: Path) -> Any:
    """The system of H41."""
    return modules_of(PAGE)["test_mailroom"].Mailroom(context_of(home / "agencies/H41"))


@pytest.fixture(scope="module")
def axis(home: Path, system: Any) -> Iterator[RunningAxis]:
    with RunningAxis(
        home,
        *("--agencies", "G22,H41", "--workers", "1"),
        PYTHONPATH=str(home.parent / "strangers"),
        LIENTHONG_ENDPOINTS='{"mailroom": {"look_seconds": "0.1"}}',
    ) as running:
        yield running


def test_an_answer_after_the_worker_was_killed_gives_one_receipt(
    axis: RunningAxis, system: Any
) -> None:
    """What the system sends arrives as well; nothing arrives twice."""
    axis.agency("G22").drop("1.edxml", a_packet(sender="G22", receivers=["H41"], number="1"))
    [letter] = eventually(lambda: system.take(ParcelKind.DOCUMENT))
    eventually(lambda: axis.agency("G22").sent("1.edxml"))
    os.kill(axis.worker("1"), signal.SIGKILL)
    system.answer(letter.name)
    system.drop("2.edxml", a_packet(sender="H41", receivers=["G22"], number="2"))

    [receipt] = eventually(lambda: axis.agency("G22").inbox("statuses"))
    [answer] = eventually(lambda: axis.agency("G22").inbox())
    eventually(lambda: system.take(ParcelKind.STATUS))

    assert receipt.name.split("_")[1] == "01"
    assert "_2-VB" in answer.name
    assert system.take(ParcelKind.DOCUMENT) == []
    assert system.told() == {}

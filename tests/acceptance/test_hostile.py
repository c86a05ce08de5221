"""One input must not hurt anybody else: a thief and careless hands, beside honest work."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bus.home.layout import Home
from tests.acceptance.conftest import RunningAxis, eventually
from tests.chaos.attack import Attack, troubles_in

SECONDS, SEED = 20, 9
"""`make chaos HOSTILE=yes` goes on for longer, with other seeds, and kills meanwhile."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis of its own: what is thrown at it stays there."""
    home = tmp_path_factory.mktemp("attacked")
    options = ("--agencies", "G22,H24,H41", "--workers", "2")
    with RunningAxis(home, *options, LIENTHONG_LOG_STYLE="json") as running:
        yield running


async def test_whatever_a_thief_and_careless_hands_throw_honest_work_goes_on(
    attacked: RunningAxis,
) -> None:
    attack = Attack(attacked.home, random.Random(SEED))

    await attack.run(timedelta(seconds=SECONDS))

    eventually(lambda: not attack.missing)
    assert set(attack.thrown) == {"documents", "failures", "file", "key file", "document"}
    assert attack.failed
    assert attack.late == []
    assert troubles_in(attacked.home / "up.log") == {}
    # Nobody who files one wrong thing after another keeps out a change.
    assert len(attacked.logged("directory_taken_up")) > 2
    eventually(lambda: httpx.get(f"{_url(attacked.home)}/readyz").json() == READY)


READY = {"ready": True, "reasons": []}


def _url(home: Path) -> str:
    running = Home(home).running()
    assert running is not None
    return running.metrics_url or ""

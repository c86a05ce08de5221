"""Formats of other houses that hang, crash or raise: one delivery fails, all others go on."""

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from bus.bootstrap.directory import directory_of
from bus.core.directory import seed_directory
from bus.home.directory_file import seed_text
from bus.settings import load_settings
from schemas.directory import Directory
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet
from tests.support.strangers import install

FOUR = ("--agencies", "G22,H24,H41,H57", "--workers", "1")
"""Of these H41 reads the format of another house; all share one worker."""

HANGING = ("loop", "native", "sleep")
CRASHING = ("segfault", "raise")
CODES = dict.fromkeys((*HANGING, "segfault"), "E_FORMAT_CRASHED") | {"raise": "E_INTERNAL"}


def reading(code: str, format_name: str) -> Directory:
    """The directory of the launch, in which one agency's system reads another format."""
    directory = seed_directory(seed_text())
    agencies = tuple(
        agency.model_copy(update={"format": format_name}) if agency.code == code else agency
        for agency in directory.agencies
    )
    return directory.model_copy(update={"agencies": agencies})


def laid_out(folder: Path) -> Path:
    """A home in which H41 reads the format that misbehaves; it is installed in `strangers`."""
    install(folder / "strangers")
    home = folder / "axis"
    directory_of(load_settings(home=home)).save(reading("H41", "misbehaving"))
    return home


@pytest.fixture(scope="module")
def axis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """It gives a format 3 s."""
    home = laid_out(tmp_path_factory.mktemp("formats"))
    strangers = str(home.parent / "strangers")
    with RunningAxis(
        home, *FOUR, PYTHONPATH=strangers, LIENTHONG_FORMAT_DEADLINE="PT3S"
    ) as running:
        yield running


def reasons(axis: RunningAxis) -> str:
    """What the readiness of the only worker says."""
    [url] = json.loads((axis.home / "running.json").read_bytes())["worker_metrics_urls"]
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:  # noqa: S310
            return str(answer.read())
    except urllib.error.HTTPError as refused:
        return str(refused.read())


def test_what_hangs_or_crashes_fails_alone_and_everything_else_goes_on(axis: RunningAxis) -> None:
    """In reading and in writing; named with format and line; no worker ends."""
    words = (*HANGING, *CRASHING)
    for word in words:
        axis.agency("G22").drop(f"{word}.mis", b"MISBEHAVE " + word.encode())
        packet = a_packet(sender="H24", receivers=["H41"], number=word, subject=f"MISBEHAVE {word}")
        axis.agency("H24").drop(f"{word}.edxml", packet)
    axis.agency("H24").drop(
        "well.edxml", a_packet(sender="H24", receivers=["H41"], number="1", subject="An toàn")
    )
    eventually(lambda: axis.logged("format_lost"))
    began = time.monotonic()
    for sender, receiver in (("H57", "G22"), ("G22", "H57")):
        packet = a_packet(sender=sender, receivers=[receiver], number="1", priority="3")
        axis.agency(sender).drop("neighbour.edxml", packet)
    eventually(lambda: axis.agency("G22").inbox())
    neighbour_took = time.monotonic() - began

    for word in words:
        report = eventually(partial(axis.agency("G22").refusal, f"{word}.mis"))
        assert report["problems"][0]["code"] == CODES[word]
    eventually(lambda: len(axis.logged("delivery_failed")) == len(words))
    eventually(lambda: axis.agency("H41").inbox())
    eventually(lambda: axis.agency("H57").inbox())

    assert neighbour_took < 3
    assert axis.logged("process_ended") == []
    for failed in axis.logged("delivery_failed"):
        assert "misbehaving" in failed["problem"]
        assert "a_misbehaving_format" in failed["problem"]
    told = axis.logged("format_lost")
    assert {(lost["work"], bool(lost["steps"])) for lost in told} == {
        ("read", True),
        ("write", True),
    }
    groups = lienthong("dlq", "groups", "--home", axis.home).stdout.decode()
    assert "E_FORMAT_CRASHED" in groups
    assert "a_misbehaving_format" in groups


def test_a_ctrl_c_while_formats_hang_ends_everything_in_time(tmp_path: Path) -> None:
    """And what hung is not acknowledged: it is there after the next start."""
    home = laid_out(tmp_path)
    strangers = str(home.parent / "strangers")
    with RunningAxis(home, *FOUR, PYTHONPATH=strangers) as axis:
        for word in HANGING:
            axis.agency("G22").drop(f"{word}.mis", b"MISBEHAVE " + word.encode())
            subject = f"MISBEHAVE {word}"
            packet = a_packet(sender="H24", receivers=["H41"], number=word, subject=subject)
            axis.agency("H24").drop(f"{word}.edxml", packet)
        eventually(lambda: "format_slow" in reasons(axis))
        assert axis.interrupt_all() == 0
        assert axis.logged("delivery_failed") == []
        assert axis.logged("submission_refused") == []

    waiting = {path.name for path in (home / "agencies/G22/outbox").iterdir()}
    assert waiting == {f"{word}.mis" for word in HANGING}


def test_a_suspended_agency_is_not_served_until_it_is_resumed(axis: RunningAxis) -> None:
    """What is for it and what it drops waits; nothing of it is refused."""
    assert lienthong("agency", "suspend", "H57", "--home", axis.home).returncode == 0
    eventually(lambda: not is_served(axis, "H57"))
    before = len(axis.agency("G22").inbox())
    axis.agency("H57").drop("a.edxml", a_packet(sender="H57", receivers=["G22"], number="8"))
    axis.agency("H24").drop("a.edxml", a_packet(sender="H24", receivers=["G22"], number="9"))
    eventually(lambda: len(axis.agency("G22").inbox()) == before + 1)
    waits = (axis.home / "agencies/H57/outbox/a.edxml").exists()

    assert lienthong("agency", "resume", "H57", "--home", axis.home).returncode == 0
    eventually(lambda: axis.agency("H57").sent("a.edxml"))
    eventually(lambda: len(axis.agency("G22").inbox()) == before + 2)

    assert waits


def test_a_format_that_cannot_be_imported_stops_nothing_and_is_named(tmp_path: Path) -> None:
    """What is for its agency waits, and what that sends; the reason stands in the log."""
    install(tmp_path / "strangers", name="broken", code="import a_module_that_is_not_there")
    home = tmp_path / "axis"
    directory_of(load_settings(home=home)).save(reading("H41", "broken"))
    with RunningAxis(home, *FOUR, PYTHONPATH=str(tmp_path / "strangers")) as axis:
        for receiver in ("H41", "G22"):
            packet = a_packet(sender="H24", receivers=[receiver], number=receiver)
            axis.agency("H24").drop(f"{receiver}.edxml", packet)
        eventually(lambda: axis.agency("G22").inbox())
        stalled = eventually(lambda: axis.logged("work_stalled"))
        axis.agency("H41").drop("own.txt", b"perhaps in its own format")
        axis.agency("G22").drop("noise.txt", b"in no format at all")
        report = eventually(partial(axis.agency("G22").refusal, "noise.txt"))

        assert "E_FORMAT_AWAY" in stalled[0]["problem"]
        assert "a_module_that_is_not_there" in stalled[0]["problem"]
        assert report["problems"][0]["code"] == "E_FORMAT_UNKNOWN"
        assert (home / "agencies/H41/outbox/own.txt").exists()
        assert axis.logged("delivery_failed") == []


def is_served(axis: RunningAxis, code: str) -> bool:
    urls = axis.running()["worker_metrics_urls"]
    texts = [httpx.get(f"{url}/metrics", trust_env=False).text for url in urls]
    return any(f'lienthong_endpoint_up{{agency="{code}"}}' in text for text in texts)

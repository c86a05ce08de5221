"""A hub, and an agency's own worker beside it as on another machine: own home, account and key."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.conftest import AgencyFolder, RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet

FILES = {"phu-luc.txt": "Phụ lục\n".encode() * 1000}


@dataclass
class ConnectedAgency:
    """`lienthong connect` for G22, in a home of its own."""

    home: Path
    environment: dict[str, str]

    @property
    def folder(self) -> AgencyFolder:
        """What the agency's system sees."""
        return AgencyFolder(self.home / "agencies" / "G22")

    def said(self) -> str:
        """Everything the process has printed so far."""
        return (self.home / "connect.log").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the worker, until the end of the block."""
        with (self.home / "connect.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "bus.cli",
                    "connect",
                    "--home",
                    self.home,
                    "--agency",
                    "G22",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self.environment,
            )
            try:
                eventually(lambda: "G22 is connected" in self.said() or process.poll() is not None)
                assert process.poll() is None, self.said()
                yield
            finally:
                process.terminate()
                assert process.wait(timeout=60) == 0, self.said()


def _laid_out(axis: RunningAxis, home: Path, path: str) -> ConnectedAgency:
    """The home that the hub lays out for G22, who alone has its signing key from then on."""
    told = lienthong(
        *("agency", "credentials", "G22", "--to", home, "--move-key", "--home", axis.home)
    )
    assert told.returncode == 0, told.stderr
    name, _, url = (home / "connection.env").read_text().strip().partition("=")
    attachments = str(axis.home / "attachments")  # the shared folder
    return ConnectedAgency(
        home=home,
        environment={
            "PATH": path,
            "LIENTHONG_LOG_STYLE": "json",
            "LIENTHONG_ATTACHMENTS": attachments,
            name: url,
        },
    )


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis that serves H41 and H24, not G22."""
    with RunningAxis(tmp_path_factory.mktemp("hub"), "--agencies", "H41,H24") as running:
        yield running


@pytest.fixture(scope="module")
def agency(hub: RunningAxis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectedAgency]:
    """G22 at work elsewhere."""
    import os  # noqa: PLC0415

    laid_out = _laid_out(hub, tmp_path_factory.mktemp("g22"), os.environ["PATH"])
    with laid_out.running():
        yield laid_out


def _arrived(folder: AgencyFolder, number: str) -> list[Path]:
    return [path for path in folder.inbox() if f"_{number}-VB_" in path.name]


def _receipts(folder: AgencyFolder, number: str) -> list[Path]:
    return [path for path in folder.inbox("statuses") if f"_01_{number}-VB_" in path.name]


def test_documents_and_receipts_travel_both_ways(hub: RunningAxis, agency: ConnectedAgency) -> None:
    there = hub.agency("H41")
    agency.folder.drop(
        "a.edxml", a_packet(sender="G22", receivers=["H41"], number="1", files=FILES)
    )
    there.drop("b.edxml", a_packet(sender="H41", receivers=["G22"], number="2", files=FILES))

    eventually(partial(_arrived, there, "1"))
    eventually(partial(_arrived, agency.folder, "2"))

    eventually(partial(_receipts, agency.folder, "1"))
    eventually(partial(_receipts, there, "2"))


def test_the_agency_holds_its_own_key_and_no_administrators_password(
    hub: RunningAxis, agency: ConnectedAgency
) -> None:
    keys = [path.relative_to(agency.home) for path in agency.home.rglob("*.key")]
    password = (hub.home / "running.json").read_text().split("lienthong:")[1].split("@")[0]

    texts = [p.read_bytes() for p in agency.home.rglob("*") if p.is_file() and p.suffix != ".db"]

    assert {path.parts[0:3] for path in keys} == {
        ("keys", "agencies", "G22"),
        ("tls", "agency.G22.key"),
    }
    assert not any(password.encode() in text for text in texts)
    assert not list((hub.home / "keys/agencies/G22").glob("*.key"))


def test_a_suspended_agency_is_cut_off_and_gets_what_waited_when_it_resumes(
    hub: RunningAxis, agency: ConnectedAgency
) -> None:
    def lost() -> bool:
        return "broker_lost" in agency.said() or "broker_unreachable" in agency.said()

    assert not lost()
    lienthong("agency", "suspend", "G22", "--home", hub.home)
    eventually(lost, within=5)
    agency.folder.drop("c.edxml", a_packet(sender="G22", receivers=["H41"], number="3"))
    eventually(lambda: agency.said().count("broker_unreachable") > 1)
    waits = (agency.folder.path / "outbox" / "c.edxml").exists()

    lienthong("agency", "resume", "G22", "--home", hub.home)

    assert waits
    eventually(partial(_arrived, hub.agency("H41"), "3"))


def test_a_home_with_others_private_keys_is_no_agencys_home(hub: RunningAxis) -> None:
    told = lienthong(
        *("connect", "--agency", "H41", "--home", hub.home),
        LIENTHONG_AMQP_URL="amqps://agency.H41:x@127.0.0.1:1/",
    )

    assert told.returncode == 2
    assert b"E_HOME_IN_USE" in told.stderr

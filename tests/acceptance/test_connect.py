"""A hub, and an agency's own worker beside it as on another machine: own home, account and key."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import AgencyFolder, RunningAxis, eventually, lienthong
from tests.acceptance.elsewhere import ConnectedAgency, laid_out
from tests.acceptance.packets import a_packet

FILES = {"phu-luc.txt": "Phụ lục\n".encode() * 1000}


@pytest.fixture(scope="module")
def agency(hub: RunningAxis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectedAgency]:
    """G22 at work elsewhere."""
    elsewhere = laid_out(hub, tmp_path_factory.mktemp("g22"))
    with elsewhere.running():
        yield elsewhere


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


def test_the_hub_counts_what_the_agency_has_received_and_sees_its_worker(
    hub: RunningAxis, agency: ConnectedAgency
) -> None:
    """By its signed receipts: nothing waits for it any more, though its store is elsewhere."""
    number = "7"
    hub.agency("H41").drop(
        "n.edxml", a_packet(sender="H41", receivers=["G22"], number=number, type_name="Công văn")
    )
    eventually(partial(_receipts, hub.agency("H41"), number))
    url = json.loads((hub.home / "running.json").read_bytes())["dead_letters_metrics_url"]

    def told() -> set[str]:
        return set(httpx.get(f"{url}/metrics", trust_env=False).text.splitlines())

    eventually(
        lambda: (
            told()
            >= {
                'lienthong_oldest_undelivered_seconds{agency="G22"} 0.0',
                'lienthong_agency_worker_connected{agency="G22"} 1.0',
                "lienthong_deliveries_unaccounted 0.0",
            }
        )
    )


def test_both_processes_of_the_agency_tell_how_they_are(agency: ConnectedAgency) -> None:
    [job] = json.loads((agency.home / "prometheus-targets.json").read_text())

    def ready(target: str) -> bool:
        return httpx.get(f"http://{target}/readyz", trust_env=False).status_code == 200

    eventually(lambda: all(ready(target) for target in job["targets"]))
    parent, worker = (
        httpx.get(f"http://{target}/metrics", trust_env=False).text for target in job["targets"]
    )

    assert "lienthong_workers_running 1.0" in parent
    assert 'lienthong_endpoint_up{agency="G22"} 1.0' in worker
    assert "lienthong_broker_connected 1.0" in worker


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


def test_what_is_sealed_to_the_agency_cannot_be_read_at_the_hub(
    hub: RunningAxis, agency: ConnectedAgency
) -> None:
    """H41 is served by the hub, so its own folder is there; nothing else tells the content."""
    subject, content = "V/v điều động mẫu", b"readable bytes of an attachment " * 20_000
    packet = a_packet(
        sender="H41", receivers=["G22"], number="5", subject=subject, files={"mat.txt": content}
    )
    hub.agency("H41").drop("s.sealed.edxml", packet)

    eventually(partial(_arrived, agency.folder, "5"))
    (document,) = _arrived(agency.folder, "5")
    own = hub.agency("H41").path
    held = [p for p in hub.home.rglob("*") if p.is_file() and own not in p.parents]
    told = [
        path
        for path in held
        if any(
            secret in path.read_bytes() for secret in (subject.encode(), b"mat.txt", content[:64])
        )
    ]

    assert subject.encode() in document.read_bytes()
    assert list((hub.home / "keys/agencies/G22").rglob("*.key")) == []
    assert any("attachments" in path.parts for path in held)
    assert told == []


def test_a_suspended_agency_is_cut_off_and_gets_what_waited_when_it_resumes(
    hub: RunningAxis, agency: ConnectedAgency
) -> None:
    def lost() -> bool:
        return "broker_lost" in agency.said() or "broker_not_reached" in agency.said()

    assert not lost()
    lienthong("agency", "suspend", "G22", "--home", hub.home)
    eventually(lost, within=5)
    agency.folder.drop("c.edxml", a_packet(sender="G22", receivers=["H41"], number="3"))
    eventually(lambda: agency.said().count("broker_not_reached") > 1)
    waits = (agency.folder.path / "outbox" / "c.edxml").exists()

    lienthong("agency", "resume", "G22", "--home", hub.home)

    assert waits
    eventually(partial(_arrived, hub.agency("H41"), "3"))


def test_a_home_with_others_private_keys_is_no_agencys_home(
    hub: RunningAxis, tmp_path: Path
) -> None:
    lienthong("agency", "credentials", "H24", "--to", tmp_path, "--home", hub.home)
    (key,) = (hub.home / "keys/agencies/H41").glob("*.key")
    shutil.copy(key, tmp_path / "keys/agencies/H41")
    url = (tmp_path / "connection.env").read_text().strip().partition("=")[2]

    told = lienthong("connect", "--agency", "H24", "--home", tmp_path, LIENTHONG_AMQP_URL=url)

    assert told.returncode == 2
    assert b"E_KEYS" in told.stderr
    assert b"H41" in told.stderr


REFUSED = {
    "a wrong password": (
        "E_BROKER_LOGIN",
        lambda url: url.replace("//", "//agency.H24:wrong@"),
        {},
    ),
    "a wrong virtual host": ("E_BROKER_RIGHTS", lambda url: f"{url}other", {}),
    "an authority that is not there": (
        "E_SETTING",
        lambda url: url,
        {"LIENTHONG_AMQP_CA": "/nowhere.pem"},
    ),
}


def test_what_does_not_get_better_ends_the_start_with_its_code(
    hub: RunningAxis, tmp_path: Path
) -> None:
    lienthong("agency", "credentials", "H24", "--to", tmp_path, "--home", hub.home)
    for key in (tmp_path / "keys/agencies").glob("[!H]*/*.key"):
        key.unlink()
    url = (tmp_path / "connection.env").read_text().strip().partition("=")[2]

    def told(change: Callable[[str], str], environment: dict[str, str]) -> tuple[int, bytes]:
        ended = lienthong(
            *("connect", "--agency", "H24", "--home", tmp_path),
            **{"LIENTHONG_AMQP_URL": change(url), **environment},
        )
        return ended.returncode, ended.stderr

    for what, (code, change, environment) in REFUSED.items():
        status, said = told(change, environment)
        assert (status, code.encode() in said, b"is connected" in said) == (2, True, False), what

    (tmp_path / "tls/authority.pem").unlink()
    status, said = told(lambda url: url, {})
    assert (status, b"E_BROKER_CERTIFICATE" in said, b"is connected" in said) == (2, True, False)


def test_while_nobody_answers_it_is_said_and_tried_again(hub: RunningAxis, tmp_path: Path) -> None:
    """A closed port and an unknown host: not connected yet, until it is stopped."""
    lienthong("agency", "credentials", "H24", "--to", tmp_path, "--home", hub.home)
    for url in ("amqps://127.0.0.1:1/", "amqps://no-such-host.invalid:5671/"):
        with (tmp_path / "said").open("w+b") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "bus.cli", "connect", "--agency", "H24", "--home", tmp_path],
                stderr=said,
                env={**os.environ, "LIENTHONG_AMQP_URL": url},
            )
            eventually(lambda: (tmp_path / "said").read_bytes().count(b"not connected yet:") >= 2)
            process.terminate()
            assert process.wait(timeout=60) == 0
        assert b"is connected" not in (tmp_path / "said").read_bytes()

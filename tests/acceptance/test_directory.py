"""The directory changes while the axis runs: mergers, many units, refusals and the way back."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bus.bootstrap.directory import directory_of
from bus.home import directory_file
from bus.settings import load_settings
from schemas.directory import Agency
from schemas.identifiers import AgencyCode
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet, a_status


def reasons(axis: RunningAxis) -> list[dict[str, str]]:
    """Why the parent is not ready."""
    url = json.loads((axis.home / "running.json").read_bytes())["metrics_url"]
    found: dict[str, Any] = httpx.get(f"{url}/readyz", trust_env=False).json()
    return list(found["reasons"])


def changed(axis: RunningAxis, *arguments: str | Path) -> None:
    """Change the directory, and wait until the axis goes by it."""
    told = lienthong(*arguments, "--home", axis.home)
    assert told.returncode == 0, told.stderr
    version = json.loads((axis.home / "directory.json").read_bytes())["version"]
    eventually(lambda: axis.goes_by(version))


def taken_up(axis: RunningAxis) -> int:
    """The newest version that a process goes by."""
    return max((line["version"] for line in axis.logged("directory_taken_up")), default=1)


def arrived(axis: RunningAxis, code: str, number: str, kind: str = "documents") -> list[Path]:
    """Which parcels of a document lie in an inbox."""
    return [p for p in axis.agency(code).inbox(kind) if f"{number}-VB_" in p.name]


def test_a_merger_is_recorded_while_the_axis_runs(axis: RunningAxis) -> None:
    """What was sent before stays with the old agency, which answers it, and sends nothing new."""
    axis.agency("H24").drop("a", a_packet(sender="H24", receivers=["H41"], number="1"))
    eventually(partial(arrived, axis, "H41", "1"))

    changed(axis, "agency", "retire", "H41", "--into", "G22", "--on", "2026-01-01")
    shown = json.loads(lienthong("agency", "show", "H41", "--json", "--home", axis.home).stdout)
    axis.agency("H41").drop("b", a_status(sender="H41", addressee="H24", number="1"))
    axis.agency("H41").drop("c", a_packet(sender="H41", receivers=["H24"], number="2"))

    assert (shown["valid_to"], shown["merged_into"]) == ("2025-12-31", "G22")
    eventually(lambda: [p for p in arrived(axis, "H24", "1", "statuses") if "_03_" in p.name])
    eventually(lambda: axis.agency("H41").refusal("c"))
    assert "E_SENDER_UNKNOWN" in str(axis.agency("H41").refusal("c"))

    changed(axis, "agency", "edit", "H41", "--valid-to", "", "--merged-into", "")


def test_thousands_of_units_come_at_once_and_the_axis_stays_up(
    axis: RunningAxis, tmp_path: Path
) -> None:
    rows = [f"H24.{n // 100:02}.{n:04},Đơn vị số {n},H24" for n in range(5_000)]
    table = tmp_path / "units.csv"
    table.write_text("\r\n".join(["code,name,parent", *rows]), encoding="utf-8-sig")

    changed(axis, "agency", "import", table)
    axis.agency("H41").drop("u", a_packet(sender="H41", receivers=["H24.49.4999"], number="5"))

    eventually(partial(arrived, axis, "H24", "5"))
    assert reasons(axis) == []
    exported = lienthong("agency", "export", "--home", axis.home).stdout
    table.write_bytes(exported)
    assert b"nothing to change" in lienthong("agency", "import", table, "--home", axis.home).stderr


def test_a_refused_directory_is_named_and_the_axis_goes_on(
    axis: RunningAxis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by an earlier version of this software, which did not ask the reader."""
    before = taken_up(axis)
    file = directory_of(load_settings(home=axis.home))
    directory = file.load()
    odd = Agency(code=AgencyCode("H24.*"), name_vi="Lạ", connected=True)
    monkeypatch.setattr(directory_file, "check", lambda _: None)
    file.save(
        directory.model_copy(
            update={
                "version": directory.version + 1,
                "agencies": (*directory.agencies, odd),
            }
        )
    )

    told = eventually(partial(reasons, axis))
    axis.agency("H24").drop("r", a_packet(sender="H24", receivers=["H41"], number="8"))

    assert [each["reason"] for each in told] == ["directory_wrong"]
    assert "E_DIRECTORY_CODE" in told[0]["detail"]
    assert "lienthong directory restore" in told[0]["detail"]
    eventually(partial(arrived, axis, "H41", "8"))
    assert taken_up(axis) == before

    changed(axis, "directory", "restore")

    eventually(lambda: reasons(axis) == [])


def test_what_readers_would_refuse_changes_nothing(axis: RunningAxis) -> None:
    before = (axis.home / "directory.json").read_bytes()

    for code in ("H24.*", "h41"):
        told = lienthong(
            *("agency", "add", code, "--name", "x", "--connected", "--home", axis.home)
        )
        assert told.returncode == 2
        assert b"E_DIRECTORY" in told.stderr

    assert (axis.home / "directory.json").read_bytes() == before
    assert reasons(axis) == []


def test_a_mailbox_that_is_taken_out_shuts_its_account_out_and_the_axis_goes_on(
    axis: RunningAxis,
) -> None:
    changed(axis, "agency", "add", "H24.99", "--name", "Nhầm", "--parent", "H24", "--connected")

    refused = lienthong("agency", "remove", "H24.99", "--home", axis.home)
    changed(axis, "agency", "remove", "H24.99", "--force")
    axis.agency("H24").drop("z", a_packet(sender="H24", receivers=["H41"], number="9"))

    assert b"E_DIRECTORY_UNSERVED" in refused.stderr
    eventually(partial(arrived, axis, "H41", "9"))
    assert reasons(axis) == []

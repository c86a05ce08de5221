"""Keys of a running axis are rotated, revoked and warned of, while documents flow."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from bus.cli.keys import app
from tests.acceptance.conftest import RunningAxis, eventually
from tests.acceptance.test_workers import FOUR, Traffic
from tests.support.certificates import Issuer, leaf, root


def said(*arguments: str | Path, home: Path) -> Any:
    """What a command of `lienthong keys` answers."""
    # In this process: a fresh one takes longer to start than to answer.
    done = CliRunner().invoke(app, [*map(str, arguments), "--home", str(home), "--json"])
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def answered(request: str, issuer: Issuer, file: Path, *, ends: datetime) -> Path:
    """The authority's answer to a request, as a file."""
    asked = x509.load_pem_x509_csr(request.encode())
    certificate = leaf(
        issuer, asked.public_key(), starts=datetime.now(UTC) - timedelta(minutes=1), ends=ends
    )
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file


def signs_with(axis: RunningAxis, code: str, thumbprint: str) -> bool:
    """Whether the axis has told that an agency signs with this certificate now."""
    return any(
        (told["mailbox"], told["thumbprint"]) == (code, thumbprint)
        for told in axis.logged("signing_key_changed")
    )


@pytest.fixture(scope="module")
def axis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis with two workers."""
    with RunningAxis(tmp_path_factory.mktemp("axis"), *FOUR) as running:
        yield running


@pytest.fixture(scope="module")
def traffic(axis: RunningAxis) -> Traffic:
    """What flows on it, from the first test to the last."""
    return Traffic(axis.home)


def test_keys_are_rotated_under_load_and_every_document_arrives_once_and_is_answered(
    axis: RunningAxis, traffic: Traffic
) -> None:
    pids = {part: axis.worker(part) for part in ("1", "2")}

    # The sender, in one worker, and a recipient, whose receipts are proven in that one.
    for code in ("G22", "H24", "G22"):
        before = traffic.arrived("H41")
        traffic.drop(axis, 40)
        eventually(lambda before=before: traffic.arrived("H41") > before)  # type: ignore[misc]
        new = said("rotate", code, home=axis.home)["thumbprint"]
        eventually(lambda code=code, new=new: signs_with(axis, code, new))  # type: ignore[misc]
    traffic.drop(axis, 20)
    eventually(traffic.is_done)

    traffic.must_be_exact()
    assert axis.logged("delivery_failed") == []
    assert axis.logged("process_ended") == []
    assert {part: axis.worker(part) for part in pids} == pids


def test_a_certificate_of_a_real_authority_takes_over_and_the_old_ones_are_revoked(
    axis: RunningAxis, traffic: Traffic, tmp_path: Path
) -> None:
    ends = datetime.now(UTC) + timedelta(days=6)
    authority = root("A real authority", ends=ends + timedelta(days=1))
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    old = _signing(axis.home, "G22")
    said("import", tmp_path / "authority.pem", "--authority", home=axis.home)
    asked = said("request", "G22", "--algorithm", "rsa", home=axis.home)
    answer = answered(asked["request"], authority, tmp_path / "answer.cer", ends=ends)

    new = said("import", answer, home=axis.home)["thumbprint"]
    eventually(lambda: signs_with(axis, "G22", new))
    taken_up = len(axis.logged("directory_taken_up"))
    revoked = said("revoke", old, "--reason", "keyCompromise", home=axis.home)
    eventually(lambda: len(axis.logged("directory_taken_up")) >= taken_up + axis.processes)
    traffic.drop(axis, 10)
    eventually(traffic.is_done)

    traffic.must_be_exact()
    assert revoked["can_sign"] is True
    assert axis.logged("delivery_failed") == []
    # Spoken of once, though many looks were taken.
    [warned] = axis.logged("certificate_end_neared")
    assert (warned["mailbox"], warned["thumbprint"]) == ("G22", new)
    assert warned["ahead"] == timedelta(days=7).total_seconds()


def test_an_axis_says_at_its_start_that_it_signs_with_development_certificates(
    axis: RunningAxis,
) -> None:
    assert re.search(r"DEVELOPMENT.*4 of 4 agencies", axis.said())


def _signing(home: Path, code: str) -> str:
    """The certificate with which an agency signs."""
    [thumbprint] = [
        row["thumbprint"]
        for row in said("list", home=home)
        if (row["owner"], row["state"]) == (code, "signs")
    ]
    return str(thumbprint)

"""`lienthong keys` says what it did and what is due, to people and to scripts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner, Result

from bus.cli.keys import app
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_signing_key
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError
from tests.support.certificates import leaf, pem, root

NOW = datetime.now(UTC)
G22, H24 = MailboxName("G22"), MailboxName("H24")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two agencies of the development authority."""
    home = tmp_path / "home"
    DevelopmentAuthority.open(home / "keys", now=NOW).ensure([G22, H24], now=NOW)
    return home


def run(home: Path, *arguments: str | Path) -> Result:
    done = CliRunner().invoke(app, [*map(str, arguments), "--home", str(home)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code != 2, done.output
    return done


def told(home: Path, *arguments: str | Path) -> Any:
    return json.loads(run(home, *arguments, "--json").stdout)


def states(home: Path, owner: str) -> list[str]:
    return sorted(row["state"] for row in told(home, "list") if row["owner"] == owner)


def from_an_authority(home: Path, folder: Path, *, days: int) -> None:
    """H24 asks an authority, and brings the answer in."""
    now = datetime.now(UTC)
    authority = root(ends=now + timedelta(days=400))
    (folder / "root.pem").write_bytes(authority.pem)
    run(home, "import", folder / "root.pem", "--authority")
    asked = x509.load_pem_x509_csr(told(home, "request", H24)["request"].encode())
    certificate = leaf(
        authority,
        asked.public_key(),
        starts=now - timedelta(hours=2),
        ends=now + timedelta(days=days, minutes=1),
    )
    (folder / "answer.pem").write_bytes(pem(certificate))
    run(home, "import", folder / "answer.pem")


def test_a_listing_marks_the_development_authority_in_words(home: Path) -> None:
    shown = run(home, "list").stdout

    assert "no authority vouches" in " ".join(shown.split())
    assert {row["authority"] for row in told(home, "show")} == {"DEVELOPMENT"}


def test_a_request_is_printed_alone_and_where_the_key_is_beside_it(home: Path) -> None:
    done = run(home, "request", H24, "--algorithm", "ed25519")

    asked = x509.load_pem_x509_csr(done.stdout.encode())
    assert asked.is_signature_valid
    assert "the private key stays in" in done.stderr
    assert states(home, H24) == ["requested", "signs"]


@pytest.mark.parametrize(("days", "said"), [(40, False), (20, True), (3, True)])
def test_what_ends_soon_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, said: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    from_an_authority(home, tmp_path, days=days)

    assert (f"{days} ends soon" in run(home, "list").stdout) is said


def test_a_development_pair_is_rotated_at_once_and_a_real_one_is_asked_for(
    home: Path, tmp_path: Path
) -> None:
    from_an_authority(home, tmp_path, days=300)

    run(home, "rotate", G22)
    run(home, "rotate", H24)

    assert states(home, G22) == ["believed", "signs"]
    assert states(home, H24) == ["believed", "requested", "signs"]


def test_who_has_no_pair_is_told_to_ask_for_one(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="keys request"):
        run(home, "rotate", "H99")


def test_the_last_pair_may_be_revoked_and_what_follows_is_said(home: Path) -> None:
    done = run(home, "revoke", G22, "--reason", "keyCompromise")

    said = " ".join(done.stderr.split())
    assert "nothing it ever signed counts" in said
    assert "nothing left to sign with" in said
    assert states(home, G22) == ["revoked"]


def test_of_several_certificates_the_thumbprint_decides(home: Path) -> None:
    old = load_signing_key(home / "keys", G22, now=NOW).thumbprint
    run(home, "rotate", G22)

    with pytest.raises(ConfigurationError, match=old):
        run(home, "revoke", G22, "--reason", "superseded")
    done = told(home, "revoke", old, "--reason", "superseded")

    assert (done["thumbprint"], done["can_sign"]) == (old, True)
    assert states(home, G22) == ["revoked", "signs"]


def test_a_revocation_may_become_graver_and_never_milder(home: Path) -> None:
    thumbprint = load_signing_key(home / "keys", G22, now=NOW).thumbprint
    run(home, "revoke", thumbprint, "--reason", "superseded")

    run(home, "revoke", thumbprint, "--reason", "keyCompromise")
    with pytest.raises(ConfigurationError, match="already revoked"):
        run(home, "revoke", thumbprint, "--reason", "superseded")

    [row] = [row for row in told(home, "list") if row["owner"] == G22]
    assert row["revoked_for"] == "keyCompromise"


def test_to_encrypt_a_passphrase_must_be_set_up(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="LIENTHONG_KEY_PASSPHRASE_FILE"):
        run(home, "request", H24, "--encrypt")


def test_a_thumbprint_that_begins_with_a_dash_is_no_option(home: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="no valid certificate of this owner or thumbprint"
    ):
        run(home, "revoke", "-asTWr6pTkMYnQwGyFRpQSGUsvlbsV6RjVTz4ApiJKI", "--reason", "superseded")

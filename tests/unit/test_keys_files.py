"""Key files: the development authority, what is refused to be read, and what a home shows."""

import multiprocessing
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from bus.core.algorithm import Algorithm
from bus.core.signing import sign, verify
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import KeyRow, describe, load_ring, load_signing_key, read_folder
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError
from tests.support.certificates import ENDS, NOW, OTHER, OWNER, key_for, leaf, pem, root

BODY = b"{}"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A home's key folder with a development authority and two agencies."""
    folder = tmp_path / "home" / "keys"
    DevelopmentAuthority.open(folder, now=NOW).ensure([OWNER, OTHER], now=NOW)
    return folder


def the(keys: Path, pattern: str) -> Path:
    """The only file that fits."""
    (path,) = keys.glob(pattern)
    return path


def unusable(keys: Path) -> str:
    """Why the owner's key cannot be used."""
    with pytest.raises(ConfigurationError) as refused:
        load_signing_key(keys, OWNER, now=NOW)
    assert refused.value.problem.code == "E_KEYS"
    return str(refused.value)


def row_of(keys: Path, owner: MailboxName = OWNER) -> KeyRow:
    (row,) = (row for row in describe(keys, now=NOW) if row.owner == owner)
    return row


# --- the development authority ------------------------------------------------------------------


def test_on_first_use_every_agency_can_sign_and_is_believed(keys: Path) -> None:
    ring = load_ring(keys)

    for owner in (OWNER, OTHER):
        signature = sign(BODY, key=load_signing_key(keys, owner, now=NOW), now=NOW)
        assert verify(BODY, signature, keys=ring, now=NOW).owner == owner


def test_a_fresh_certificate_bears_a_signer_whose_clock_is_behind(keys: Path) -> None:
    behind = NOW - timedelta(minutes=10)
    signature = sign(BODY, key=load_signing_key(keys, OWNER, now=NOW), now=behind)

    assert verify(BODY, signature, keys=load_ring(keys), now=NOW).signed_at == behind


def test_private_keys_are_for_one_account_only(keys: Path) -> None:
    for path in [keys, *keys.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o644 if path.suffix == ".pem" else 0o600)


def test_a_second_start_changes_no_file(keys: Path) -> None:
    before = {path: path.read_bytes() for path in keys.rglob("*") if path.is_file()}

    DevelopmentAuthority.open(keys, now=NOW).ensure([OTHER, OWNER], now=NOW + timedelta(days=1))

    assert before == {path: path.read_bytes() for path in keys.rglob("*") if path.is_file()}


def test_before_a_certificate_ends_another_is_issued_beside_it(keys: Path) -> None:
    first = load_signing_key(keys, OWNER, now=NOW)
    later = NOW + timedelta(days=336)

    DevelopmentAuthority.open(keys, now=later).ensure([OWNER], now=later)

    assert load_signing_key(keys, OWNER, now=later).thumbprint != first.thumbprint
    assert first.thumbprint in load_ring(keys)


def test_an_authority_whose_founding_was_cut_off_is_founded_anew(keys: Path) -> None:
    (keys / "authorities" / "development.pem").unlink()

    DevelopmentAuthority.open(keys, now=NOW)

    assert (keys / "authorities" / "development.pem").exists()


def test_an_authority_with_another_key_than_its_certificate_is_refused(keys: Path) -> None:
    the(keys, "agencies/H24.05/*.key").replace(keys / "development.key")

    with pytest.raises(ConfigurationError, match="does not belong to its certificate"):
        DevelopmentAuthority.open(keys, now=NOW)


@pytest.mark.parametrize(
    "code", ["..", ".", "../../x", "a/b", ".hidden", "Hà Nội", "%2E", "x" * 64]
)
def test_a_code_of_any_text_stays_within_the_folder(tmp_path: Path, code: str) -> None:
    folder, owner = tmp_path / "keys", MailboxName(code)

    DevelopmentAuthority.open(folder, now=NOW).ensure([owner], now=NOW)

    assert {path.parent.parent for path in tmp_path.rglob("*-*.pem")} == {folder / "agencies"}
    assert [row.owner for row in describe(folder, now=NOW)] == [owner]
    assert load_signing_key(folder, owner, now=NOW).thumbprint in load_ring(folder)


def start(folder: Path, codes: list[MailboxName]) -> None:
    DevelopmentAuthority.open(folder, now=NOW).ensure(codes, now=NOW)


def test_processes_that_start_at_once_agree_on_one_authority_and_one_key_each(
    tmp_path: Path,
) -> None:
    folder, codes = tmp_path / "keys", [MailboxName(f"H{number}") for number in range(10, 30)]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=start, args=(folder, codes)) for _ in range(4)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)

    assert [process.exitcode for process in processes] == [0] * 4
    rows = describe(folder, now=NOW)
    assert [row.owner for row in rows] == codes
    assert all(row.problem is None for row in rows)
    assert not list(folder.rglob("*.tmp"))


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_private_key_that_others_can_read_is_refused(keys: Path, mode: int) -> None:
    the(keys, "agencies/H24.05/*.key").chmod(mode)

    assert "chmod 600" in unusable(keys)


def test_a_private_key_that_even_we_cannot_change_is_fine(keys: Path) -> None:
    the(keys, "agencies/H24.05/*.key").chmod(0o400)

    assert load_signing_key(keys, OWNER, now=NOW).thumbprint in load_ring(keys)


def test_the_private_key_of_another_certificate_is_refused(keys: Path) -> None:
    the(keys, "agencies/G22/*.key").replace(the(keys, "agencies/H24.05/*.key"))

    assert "does not belong to its certificate" in unusable(keys)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_is_no_private_key_is_refused_by_name(keys: Path, content: bytes) -> None:
    path = the(keys, "agencies/H24.05/*.key")
    path.write_bytes(content)

    assert path.name in unusable(keys)


def test_a_private_key_that_asks_for_a_password_is_refused(keys: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    the(keys, "agencies/H24.05/*.key").write_bytes(encrypted)

    assert "LIENTHONG_KEY_PASSPHRASE_FILE" in unusable(keys)


def test_a_private_key_of_a_kind_we_do_not_sign_with_is_refused(keys: Path) -> None:
    key = ed448.Ed448PrivateKey.generate()
    unfit = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    the(keys, "agencies/H24.05/*.key").write_bytes(unfit)

    assert "neither P-256" in unusable(keys)


def test_a_folder_in_place_of_a_private_key_is_refused(keys: Path) -> None:
    path = the(keys, "agencies/H24.05/*.key")
    path.unlink()
    path.mkdir(mode=0o700)

    assert "it is a directory" in unusable(keys)


def test_who_has_no_key_here_cannot_sign(keys: Path) -> None:
    the(keys, "agencies/H24.05/*.key").unlink()

    assert "valid now" in unusable(keys)


def test_nobody_signs_with_a_certificate_that_has_ended(keys: Path) -> None:
    with pytest.raises(ConfigurationError, match="valid now"):
        load_signing_key(keys, OWNER, now=NOW + timedelta(days=366))


def test_a_home_without_its_authority_believes_nobody(keys: Path) -> None:
    (keys / "authorities" / "development.pem").unlink()

    believed = read_folder(keys)

    assert not believed.ring
    assert all("no authority is configured" in str(each) for each in believed.set_aside)
    assert "no authority is configured" in unusable(keys)


def test_a_certificate_of_a_stranger_is_set_aside_and_named(keys: Path) -> None:
    (keys / "agencies" / "G22" / "foreign.pem").write_bytes(
        pem(leaf(root(), key_for(Algorithm.ES256).public_key()))
    )

    [problem] = read_folder(keys).set_aside

    assert re.search(r"foreign\.pem.*G22", str(problem))
    assert len(load_ring(keys)) == 2


def test_a_place_that_is_no_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="E_KEYS"):
        DevelopmentAuthority.open(tmp_path / "keys", now=NOW)


def test_a_full_disk_leaves_no_half_file(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is stood in for by one whose sync fails."""

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    authority = DevelopmentAuthority.open(keys, now=NOW)
    before = sorted(keys.rglob("*"))
    monkeypatch.setattr("os.fsync", no_space)

    with pytest.raises(ConfigurationError, match="no space left"):
        authority.ensure([MailboxName("H01")], now=NOW)

    assert sorted(keys.rglob("*")) == sorted([*before, keys / "agencies" / "H01"])


# --- what a home shows --------------------------------------------------------------------------


def test_a_row_shows_whose_a_certificate_is_and_how_long_it_lasts(keys: Path) -> None:
    row = row_of(keys)

    assert row.key is not None
    assert row.key.thumbprint == load_signing_key(keys, OWNER, now=NOW).thumbprint
    assert row.key.algorithms == (Algorithm.ES256,)
    assert "H24.05" in row.key.subject
    assert row.days_left == 365
    assert row.development
    assert row.has_private_key
    assert row.problem is None


def test_a_certificate_of_a_public_authority_stands_beside_the_development_ones(
    keys: Path,
) -> None:
    public, owner = root("Public authority"), MailboxName("H01")
    (keys / "authorities" / "public.pem").write_bytes(public.pem)
    (keys / "agencies" / owner).mkdir()
    certificate = leaf(public, key_for(Algorithm.RS256).public_key(), ends=ENDS)
    (keys / "agencies" / owner / "of-them.pem").write_bytes(pem(certificate))

    row = row_of(keys, owner)

    assert row.key is not None
    assert row.key.thumbprint in load_ring(keys)
    assert row.key.algorithms == (Algorithm.PS256, Algorithm.RS256)
    assert row.days_left == (ENDS - NOW).days
    assert not row.development
    assert not row.has_private_key


def test_a_row_tells_what_is_wrong_and_the_other_rows_stand(keys: Path) -> None:
    the(keys, "agencies/H24.05/*.pem").write_bytes(b"no certificate")
    the(keys, "agencies/G22/*.key").chmod(0o644)

    broken, exposed = row_of(keys, OWNER), row_of(keys, OTHER)

    assert broken.key is None
    assert broken.days_left is None
    assert "no readable certificate" in str(broken.problem)
    assert exposed.key is not None
    assert "chmod 600" in str(exposed.problem)

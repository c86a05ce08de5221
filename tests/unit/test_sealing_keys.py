"""Sealing keys on disk: made once, rotated beside the old ones, kept from other eyes."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bus.cli.app import app
from bus.core.sealing.key import key_to_seal_to
from bus.core.sealing.suite import SealingSuite
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring
from bus.keys.sealing import SealingFolder
from schemas.identifiers import MailboxName
from tests.support.certificates import NOW
from tests.support.key_homes import KeyHomes, signing_in
from tests.support.seals import code_of

OWNER = MailboxName("H24.05")
OTHER = MailboxName("G22")


@pytest.fixture
def folder(tmp_path: Path) -> SealingFolder:
    """Two owners with their first keys."""
    DevelopmentAuthority.open(tmp_path, now=NOW).ensure([OWNER, OTHER], now=NOW)
    sealing = SealingFolder(tmp_path)
    sealing.ensure([OWNER, OTHER], signing=signing_in(tmp_path, NOW), now=NOW)
    return sealing


def _chosen(folder: SealingFolder, *, after: timedelta = timedelta()) -> str:
    ring = load_ring(folder.root)
    published = folder.published(OWNER)
    return key_to_seal_to(OWNER, published, keys=ring, now=NOW + after).key_id


def _rotate(folder: SealingFolder, suite: SealingSuite, *, after: timedelta = timedelta()) -> str:
    signing = signing_in(folder.root, NOW)
    return folder.rotate(OWNER, suite=suite, signing=signing, now=NOW + after)


def _files(folder: SealingFolder, pattern: str) -> list[Path]:
    return sorted((folder.root / "agencies" / OWNER / "sealing").glob(pattern))


def test_a_key_is_made_once(folder: SealingFolder) -> None:
    folder.ensure([OWNER], signing=signing_in(folder.root, NOW), now=NOW + timedelta(days=300))

    [private] = folder.private(OWNER)
    assert private.suite is SealingSuite.HYBRID
    assert _chosen(folder) == private.key_id


def test_a_key_that_ends_within_a_month_gets_a_successor(folder: SealingFolder) -> None:
    authority = DevelopmentAuthority.open(folder.root, now=NOW)
    later = timedelta(days=340)
    authority.ensure([OWNER], now=NOW + later)
    folder.ensure([OWNER], signing=signing_in(folder.root, NOW + later), now=NOW + later)

    old, new = _chosen(folder), _chosen(folder, after=later)
    assert old != new
    assert {key.key_id for key in folder.private(OWNER)} == {old, new}


def test_a_rotation_leaves_the_old_key_to_open_with(folder: SealingFolder) -> None:
    old = _chosen(folder)
    new = _rotate(folder, SealingSuite.HYBRID, after=timedelta(minutes=1))

    assert _chosen(folder, after=timedelta(minutes=1)) == new
    assert {key.key_id for key in folder.private(OWNER)} == {old, new}


def test_the_secret_of_the_ids_outlives_rotations(folder: SealingFolder) -> None:
    before = folder.secret(OWNER)
    _rotate(folder, SealingSuite.X25519)

    assert folder.secret(OWNER) == before
    assert len(before) == 32
    assert folder.secret(OTHER) != before


def test_private_parts_are_for_their_owner_only(folder: SealingFolder) -> None:
    private = [*_files(folder, "*.key"), *_files(folder, "*.secret")]

    assert len(private) == 2
    assert {path.stat().st_mode & 0o077 for path in private} == {0}


def test_a_private_key_that_others_can_read_is_not_used(folder: SealingFolder) -> None:
    _files(folder, "*.key")[0].chmod(0o644)

    assert code_of(lambda: folder.private(OWNER)) == "E_KEYS"


@pytest.mark.parametrize("text", ["", "{}", '{"owner":"G22"}', "\0"])
def test_a_file_that_is_no_private_key_is_refused(folder: SealingFolder, text: str) -> None:
    _files(folder, "*.key")[0].write_text(text)

    assert code_of(lambda: folder.private(OWNER)) == "E_KEYS"


def test_a_private_key_of_another_mailbox_is_refused(folder: SealingFolder) -> None:
    [own] = _files(folder, "*.key")
    [others] = (folder.root / "agencies" / OTHER / "sealing").glob("*.key")
    own.write_bytes(others.read_bytes())

    assert code_of(lambda: folder.private(OWNER)) == "E_KEYS"


def test_who_signs_elsewhere_gets_no_key_here(tmp_path: Path) -> None:
    homes = KeyHomes(tmp_path, [OWNER, OTHER])
    hub = SealingFolder(homes.hub)
    before = hub.published(OWNER)
    signing = signing_in(homes.hub, NOW)
    hub.ensure([OWNER, OTHER], signing=signing, now=NOW)

    assert hub.published(OWNER) == before
    assert hub.private(OWNER) == ()
    assert (
        code_of(lambda: hub.rotate(OWNER, suite=SealingSuite.HYBRID, signing=signing, now=NOW))
        == "E_KEYS"
    )


def test_who_cannot_sign_now_gets_no_key_now(tmp_path: Path) -> None:
    DevelopmentAuthority.open(tmp_path, now=NOW).ensure([OWNER], now=NOW)
    sealing, later = SealingFolder(tmp_path), NOW + timedelta(days=400)
    sealing.ensure([OWNER], signing=signing_in(tmp_path, later), now=later)

    assert sealing.published(OWNER) == ()


def test_an_agency_takes_its_private_parts_away_and_everybodys_public_keys_along(
    folder: SealingFolder, tmp_path: Path
) -> None:
    own, secret = folder.private(OWNER), folder.secret(OWNER)
    folder.copy_to(OWNER, tmp_path / "elsewhere", move=True)
    elsewhere = SealingFolder(tmp_path / "elsewhere")

    assert [key.key_id for key in elsewhere.private(OWNER)] == [key.key_id for key in own]
    assert elsewhere.secret(OWNER) == secret
    assert elsewhere.published(OTHER) == folder.published(OTHER)
    assert folder.private(OWNER) == ()
    assert folder.private(OTHER) != ()
    assert elsewhere.private(OTHER) == ()
    assert _files(folder, "*.secret") == []


def test_what_an_agencys_own_home_has_stays(folder: SealingFolder, tmp_path: Path) -> None:
    """Handed out again for newer public keys of others, by a hub that makes an own one up."""
    elsewhere = SealingFolder(tmp_path / "elsewhere")
    folder.copy_to(OWNER, elsewhere.root, move=True)
    secret = elsewhere.secret(OWNER)
    fresh = _rotate(folder, SealingSuite.HYBRID)
    folder.copy_to(OWNER, elsewhere.root, move=False)

    assert folder.secret(OWNER) != secret
    assert elsewhere.secret(OWNER) == secret
    assert fresh in {key.key_id for key in elsewhere.private(OWNER)}


def test_every_published_key_is_told_with_what_is_wrong_with_it(folder: SealingFolder) -> None:
    (folder.root / "agencies" / OWNER / "sealing" / "junk.json").write_text("junk")
    [others] = (folder.root / "agencies" / OTHER / "sealing").glob("*.json")
    foreign = folder.root / "agencies" / OWNER / "sealing" / "foreign.json"
    foreign.write_bytes(others.read_bytes())
    rows = folder.describe(load_ring(folder.root), now=NOW)

    told = {row.file: row.problem.code if row.problem else None for row in rows}
    assert told["junk.json"] == told["foreign.json"] == "E_SEAL_KEY_FORGED"
    assert list(told.values()).count(None) == 2


def test_operators_rotate_and_list(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    KeyHomes(tmp_path / "made", [OTHER])
    (tmp_path / "made" / "at" / OTHER).rename(keys)
    run = CliRunner().invoke
    rotated = run(app, ["keys", "seal-rotate", OTHER, "--home", str(tmp_path)])
    shown = run(app, ["keys", "seal-show", "--home", str(tmp_path), "--json"])

    assert rotated.exit_code == shown.exit_code == 0
    rows = json.loads(shown.stdout)
    assert [(row["owner"], row["private_key"], row["problem"]) for row in rows] == [
        (OTHER, True, None)
    ] * 2
    assert SealingFolder(keys).private(OTHER)[0].key_id in {row["key_id"] for row in rows}

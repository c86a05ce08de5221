"""The directory is signed: nobody but its authority says who exists, and nothing goes back."""

import gzip
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from jwcrypto import jws
from jwcrypto.jwk import JWK

from bus.bootstrap.directory import (
    change_directory,
    directory_of,
    restoration_of,
    restore_directory,
)
from bus.core.directory import Author, add, edit, vouched
from bus.core.signing import sign
from bus.home import directory_file
from bus.home.directory_file import DirectoryFile
from bus.keys.authority import DevelopmentAuthority
from bus.keys.issuance import DEVELOPMENT
from bus.keys.ring import load_ring, load_signing_key
from bus.settings import load_settings
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode, MailboxName
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import ConfigurationError
from tests.support.agencies import real_now

H24 = MailboxName("H24")
SUSPENDED, RESUMED = {"suspended": True}, {"suspended": False}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A home with a directory."""

    home: Path

    @property
    def file(self) -> DirectoryFile:
        return directory_of(load_settings(home=self.home))

    @property
    def snapshot(self) -> Path:
        return self.home / "directory.json"

    @property
    def signature(self) -> Path:
        return self.home / "directory.jws"

    def change(self, change: Callable[[Directory], Directory]) -> Directory:
        """What `lienthong agency` does."""
        file = self.file
        with file.held():
            changed = change(file.load())
            file.save(changed)
        return changed

    def refusal(self) -> str:
        """Why the directory is not believed."""
        with pytest.raises(ConfigurationError) as refused:
            self.file.load()
        return refused.value.problem.code


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(home=tmp_path)
    made.file.load()
    return made


def test_any_jws_library_proves_the_snapshot_with_the_certificate_of_its_authority(
    place: Place,
) -> None:
    [path] = (place.home / "keys" / "directory").glob("*.pem")
    certificate = path.read_bytes()
    token = jws.JWS()
    [signature] = place.signature.read_text().split()

    token.deserialize(signature)
    token.verify(JWK.from_pem(certificate), detached_payload=place.snapshot.read_bytes())

    assert token.is_valid
    subject = x509.load_pem_x509_certificate(certificate).subject.rfc4514_string()
    assert DEVELOPMENT in subject


def test_a_change_is_signed_and_another_process_believes_it(place: Place) -> None:
    changed = place.change(lambda directory: edit(directory, H24, SUSPENDED))

    assert changed.version == 2
    assert place.file.load() == changed


@pytest.mark.parametrize(
    "forge",
    [
        lambda data: data.replace("Hà Nội".encode(), b"Ha Noi"),
        lambda data: data + b"\n",
    ],
    ids=["a name", "a blank"],
)
def test_a_changed_byte_is_seen(place: Place, forge: Callable[[bytes], bytes]) -> None:
    before = place.snapshot.read_bytes()
    place.snapshot.write_bytes(forge(before))
    assert place.snapshot.read_bytes() != before

    assert place.refusal() == "E_DIRECTORY_SIGNATURE"


def test_an_agency_cannot_sign_the_directory(place: Place) -> None:
    keys, now = place.home / "keys", real_now()
    DevelopmentAuthority.open(keys, now=now).ensure([H24], now=now)
    key = load_signing_key(keys, H24, now=now)

    place.signature.write_text(sign(place.snapshot.read_bytes(), key=key, now=now))

    assert place.refusal() == "E_DIRECTORY_SIGNATURE"


def test_an_unsigned_directory_is_refused_where_a_signed_one_was(place: Place) -> None:
    place.signature.unlink()

    assert place.refusal() == "E_DIRECTORY_UNSIGNED"


def test_an_older_directory_is_refused_however_well_it_is_signed(place: Place) -> None:
    old = place.snapshot.read_bytes(), place.signature.read_bytes()
    place.change(lambda directory: edit(directory, H24, SUSPENDED))
    place.snapshot.write_bytes(old[0])
    place.signature.write_bytes(old[1])

    assert place.refusal() == "E_DIRECTORY_ROLLBACK"


def test_one_version_is_one_content(place: Place) -> None:
    first = place.file.load()
    place.change(lambda directory: edit(directory, H24, SUSPENDED))

    other = add(first, Agency(code=AgencyCode("X1"), name_vi="Cơ quan khác"))

    with pytest.raises(ConfigurationError, match="E_DIRECTORY_ROLLBACK"):
        place.file.save(other)


def test_a_directory_that_vanished_is_not_made_anew(place: Place) -> None:
    place.snapshot.unlink()

    assert place.refusal() == "E_DIRECTORY_MISSING"


def test_what_readers_would_refuse_is_never_signed(place: Place) -> None:
    """Whoever makes the change: the last door asks the reader."""
    before = place.snapshot.read_bytes(), place.signature.read_bytes()
    directory = place.file.load()
    odd = Agency(code=AgencyCode("../../x"), name_vi="Lạ", connected=True)

    with pytest.raises(ConfigurationError, match="E_DIRECTORY_CODE"):
        place.file.save(
            directory.model_copy(update={"version": 2, "agencies": (*directory.agencies, odd)})
        )

    assert (place.snapshot.read_bytes(), place.signature.read_bytes()) == before
    assert place.file.load() == directory


def test_the_unsigned_directory_of_an_earlier_version_is_signed_once_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(home=tmp_path)
    agency = {"code": "H24", "name_vi": "Thí Dụ", "connected": True}
    earlier = json.dumps({"version": 7, "agencies": [agency]}).encode()
    place.snapshot.write_bytes(earlier)

    first, second = place.file.load(), place.file.load()

    assert (first.version, second) == (7, first)
    assert place.snapshot.read_bytes() == earlier
    assert place.signature.read_text().count("..") == 1
    assert capsys.readouterr().err.count("version 7 was unsigned") == 1


def test_where_only_the_certificate_is_the_directory_is_believed_and_cannot_be_changed(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Place(home=tmp_path_factory.mktemp("agency"))
    folder = elsewhere.home / "keys" / "directory"
    folder.mkdir(parents=True)
    for path in (place.home / "keys" / "directory").glob("*.pem"):
        shutil.copy(path, folder)
    for path in (place.snapshot, place.signature):
        shutil.copy(path, elsewhere.home)

    assert elsewhere.file.load() == place.file.load()
    with pytest.raises(ConfigurationError, match="its private key is not here"):
        elsewhere.change(lambda directory: edit(directory, H24, SUSPENDED))
    elsewhere.signature.unlink()
    (elsewhere.home / "directory.seen").unlink()
    assert elsewhere.refusal() == "E_DIRECTORY_UNSIGNED"


def test_a_crash_between_signature_and_snapshot_leaves_the_old_one_proven(place: Place) -> None:
    before, old = place.file.load(), place.snapshot.read_bytes()
    place.change(lambda directory: edit(directory, H24, SUSPENDED))
    place.snapshot.write_bytes(old)
    (place.home / "directory.seen").unlink()

    assert place.file.load() == before


def test_what_an_authority_signed_that_is_not_filed_is_not_believed(place: Place) -> None:
    shutil.rmtree(place.home / "keys" / "directory")

    assert place.refusal() == "E_DIRECTORY_SIGNATURE"


def test_many_may_make_the_first_directory_of_a_home_at_once(tmp_path: Path) -> None:
    place = Place(home=tmp_path)

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: place.file.load(), range(24)))

    assert made == [place.file.load()] * 24
    assert {path.name for path in tmp_path.iterdir()} == {
        "directory.json",
        "directory.jws",
        "directory.seen",
        "directory-versions",
        "keys",
    }


def test_a_certificate_that_somebody_filed_does_not_speak_for_whom_others_were_vouched(
    place: Place,
) -> None:
    keys, now = place.home / "keys", real_now()
    authority = DevelopmentAuthority.open(keys, now=now)
    authority.ensure([H24], now=now)
    [first] = load_ring(keys)
    changed = place.change(lambda directory: edit(directory, H24, {"certificates": (first,)}))

    authority.issue(H24, now=now)

    assert len(load_ring(keys)) == 2
    assert list(load_ring(keys).limited_to(vouched(changed))) == [first]
    assert load_signing_key(keys, H24, now=now, known=[first]).thumbprint == first
    released = place.change(lambda directory: edit(directory, H24, {"certificates": ()}))
    assert len(load_ring(keys).limited_to(vouched(released))) == 2


# --- versions, and the way back -------------------------------------------------------------------


def restored(place: Place, version: int | None = None, *, force: bool = False) -> Directory:
    """What `lienthong directory restore` does."""
    settings = load_settings(home=place.home)
    found = restoration_of(settings, version)
    return restore_directory(settings, found, made=Author(deed="restore"), force=force)


def test_every_version_is_kept_with_who_made_it_and_what_changed(place: Place) -> None:
    change_directory(
        load_settings(home=place.home),
        lambda directory: edit(directory, H24, SUSPENDED),
        made=Author(operator="an", deed="suspend H24"),
    )

    newest, first = place.file.history()

    assert (newest.version, newest.operator, newest.deed) == (2, "an", "suspend H24")
    assert (newest.added, newest.changed, newest.removed) == (0, 1, 0)
    assert (first.version, first.added) == (1, 95)
    assert not place.file.version(1).agencies[0].suspended


def test_an_older_content_comes_back_as_a_newer_version(place: Place) -> None:
    before = place.file.load()
    place.change(lambda directory: edit(directory, H24, SUSPENDED))

    after = restored(place, 1)

    assert (after.version, after.agencies) == (3, before.agencies)
    assert place.file.load() == after


SPOILED = {
    "no directory": lambda home: (home / "directory.json").unlink(),
    "no signature": lambda home: (home / "directory.jws").unlink(),
    "neither": lambda home: [(home / f"directory.{part}").unlink() for part in ("json", "jws")],
    "garbage": lambda home: (home / "directory.json").write_bytes(b"\xff{"),
    "a garbled signature": lambda home: (home / "directory.jws").write_bytes(b"\xff\n"),
    "a garbled memory": lambda home: (home / "directory.seen").write_bytes(b"{"),
    "a folder in its place": lambda home: [
        (home / "directory.json").unlink(),
        (home / "directory.json").mkdir(),
        (home / "directory.json").rmdir(),
    ],
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_directory_is_refused_and_the_newest_good_version_restored(
    place: Place, spoil: Callable[[Path], object]
) -> None:
    good = place.change(lambda directory: edit(directory, H24, SUSPENDED))
    spoil(place.home)
    assert place.refusal().startswith("E_DIRECTORY")

    after = restored(place)

    assert (after.version, after.agencies) == (3, good.agencies)
    assert place.file.load() == after


def test_a_directory_that_was_signed_in_spite_of_the_rules_is_left_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier version of this software signed it."""
    good = place.file.load()
    odd = Agency(code=AgencyCode("H24.*"), name_vi="Lạ", connected=True)
    with monkeypatch.context() as earlier:
        earlier.setattr(directory_file, "check", lambda _: None)
        place.change(
            lambda directory: directory.model_copy(
                update={"version": 2, "agencies": (*directory.agencies, odd)}
            )
        )

    after = restored(place)

    assert (after.version, after.agencies) == (3, good.agencies)


def test_a_version_that_nobody_signed_is_never_restored(place: Place) -> None:
    place.change(lambda directory: edit(directory, H24, SUSPENDED))
    kept = place.home / "directory-versions" / "00000001.gz"
    kept.write_bytes(gzip.compress(gzip.decompress(kept.read_bytes()).replace(b"G01", b"G99")))

    with pytest.raises(ConfigurationError, match="E_DIRECTORY_SIGNATURE"):
        restored(place, 1)


def test_restoring_leaves_no_mailbox_unserved_unless_it_is_forced(place: Place) -> None:
    new = Agency(code=AgencyCode("X1"), name_vi="Mới", connected=True)
    place.change(lambda directory: add(directory, new))

    with pytest.raises(ConfigurationError, match=r"E_DIRECTORY_UNSERVED.*X1"):
        restored(place, 1)

    assert restored(place, 1, force=True).version == 3


def test_a_restoration_that_somebody_overtakes_changes_nothing(place: Place) -> None:
    place.change(lambda directory: edit(directory, H24, SUSPENDED))
    settings = load_settings(home=place.home)
    found = restoration_of(settings, 1)
    place.change(lambda directory: edit(directory, H24, RESUMED))

    with pytest.raises(ConfigurationError, match=r"E_DIRECTORY_CHANGED.*version 3"):
        restore_directory(settings, found, made=Author())
    assert place.file.load().version == 3


def test_a_crash_between_two_signatures_leaves_the_old_directory_good(place: Place) -> None:
    """Twice in a row: the new one was signed, and its snapshot never written."""
    good = place.file.load()
    signatures = place.signature.read_text()
    for _ in range(2):
        place.signature.write_text("a.b.c\n" + signatures)
        assert place.file.load() == good

    assert place.change(lambda directory: edit(directory, H24, SUSPENDED)) == place.file.load()


def test_many_versions_are_kept_and_the_oldest_forgotten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.home.directory_versions.MAX_DIRECTORY_VERSIONS", 3)
    for _ in range(4):
        place.change(lambda directory: edit(directory, H24, SUSPENDED))
        place.change(lambda directory: edit(directory, H24, RESUMED))

    assert [each.version for each in place.file.history()] == [9, 8, 7]
    assert len(list((place.home / "directory-versions").iterdir())) == 6


def test_a_directory_of_many_mebibytes_is_signed_and_believed(place: Place) -> None:
    """Larger than any message may be, and no larger than fits the line to a worker."""
    many = tuple(
        Agency(code=AgencyCode(f"X{n}"), name_vi="Đơn vị có tên rất dài " * 10)
        for n in range(9_000)
    )

    changed = place.change(
        lambda directory: directory.model_copy(
            update={"version": 2, "agencies": (*directory.agencies, *many)}
        )
    )

    assert place.snapshot.stat().st_size > 2 * MAX_BODY_BYTES
    assert place.file.load() == changed


def test_a_directory_that_readers_would_find_too_large_is_not_signed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_file, "MAX_DIRECTORY_BYTES", 100)
    before = place.signature.read_bytes()

    with pytest.raises(ConfigurationError, match="E_DIRECTORY_BYTES"):
        place.change(lambda directory: edit(directory, H24, SUSPENDED))
    assert place.signature.read_bytes() == before

"""Odd files in a key folder: each is set aside and named, and hurts no other."""

import base64
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bus.cli.keys import app
from bus.core.algorithm import Algorithm
from bus.core.certificate import UnreadableError, certificates_in
from bus.core.keyring import certify
from bus.core.revocation.crl import read_crl
from bus.core.revocation.ocsp import question, read_answer
from bus.core.revocation.source import Subject, filed_list, sources_of, subjects_of
from bus.keys.access import KeyAccess
from bus.keys.authority import DevelopmentAuthority
from bus.keys.certificate_import import import_certificate
from bus.keys.directory_authority import directory_folder, open_directory_trust
from bus.keys.folder import KeyFolder
from bus.keys.revocation_store import FolderRevocationStore
from bus.keys.ring import describe, load_ring, load_signing_key, read_folder
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from tests.support.certificates import NOW, OTHER, OWNER, key_for, leaf, pem, root
from tests.support.odd_certificates import odd_certificates, odd_lists
from tests.support.revoking import Entry, a_list, an_answer, names_sources

ISSUER = root()
PUBLIC = key_for(Algorithm.ES256).public_key()
AGENCY = leaf(ISSUER, PUBLIC, extensions=names_sources(crl="http://a/", responder="http://b/"))
CERTIFICATES = odd_certificates(ISSUER)
LISTS = odd_lists(ISSUER)

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A home's key folder with two agencies that sign, and a public authority."""
    folder = tmp_path / "keys"
    DevelopmentAuthority.open(folder, now=NOW).ensure([OWNER, OTHER], now=NOW)
    (folder / "authorities" / "public.pem").write_bytes(ISSUER.pem)
    return folder


def as_pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def without_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


def too_long(path: Path) -> None:
    path.write_bytes(bytes(100_000))


def written(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


ODD_FILES: dict[str, Callable[[Path], None]] = {
    **{name: written(der) for name, der in CERTIFICATES.items()},
    **{f"{name}, PEM": written(as_pem(der)) for name, der in CERTIFICATES.items()},
    "nothing": written(b""),
    "another kind": written(b"%PDF-1.7\n"),
    "half of one": written(ISSUER.pem[:200]),
    "half of the second": written(ISSUER.pem + ISSUER.pem[:200]),
    "a private key": written(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    "pipe": pipe,
    "folder": folder,
    "link to itself": link_to_itself,
    "link to nowhere": link_to_nowhere,
    "without end": without_end,
    "too long": too_long,
}


@pytest.mark.parametrize("odd", ODD_FILES.values(), ids=ODD_FILES)
@pytest.mark.parametrize("place", ["agencies/G22", "agencies/H24.05", "authorities"])
def test_an_odd_file_is_set_aside_and_named_and_everybody_else_goes_on(
    keys: Path, place: str, odd: Callable[[Path], None]
) -> None:
    before = load_ring(keys)
    odd(keys / place / "0-odd.pem")

    believed = read_folder(keys)

    assert dict(believed.ring) == dict(before)
    [problem] = believed.set_aside
    assert (problem.code, problem.place.file) == ("E_KEYS", "0-odd.pem")
    assert problem.because.text()
    for owner in (OWNER, OTHER):
        assert load_signing_key(keys, owner, now=NOW).thumbprint in before
    DevelopmentAuthority.open(keys, now=NOW).ensure([OWNER, OTHER], now=NOW)
    [row] = [row for row in describe(keys, now=NOW) if row.problem is not None]
    assert (row.file, row.key) == ("0-odd.pem", None)
    assert KeyFolder(keys).stamp()
    assert FolderRevocationStore(keys).chains()


@pytest.mark.parametrize("data", [*LISTS.values(), *CERTIFICATES.values()])
def test_a_filed_list_that_is_none_is_named_with_the_reason(keys: Path, data: bytes) -> None:
    (keys / "crl").mkdir()
    (keys / "crl" / "odd.crl").write_bytes(data)
    store = FolderRevocationStore(keys)
    subjects = subjects_of(store.chains(), now=NOW)

    [problem] = store.unreadable_lists()
    filed = filed_list("odd.crl", store.filed_lists()["odd.crl"], subjects)

    assert (problem.code, problem.place.file) == ("E_KEYS", "odd.crl")
    assert not filed.subjects
    assert filed.fault.code in {"part_unreadable", "list_unreadable"}
    assert any(row.file == "odd.crl" and row.problem for row in describe(keys, now=NOW))


def test_odd_files_beside_the_lists_are_set_aside_too(keys: Path) -> None:
    (keys / "crl").mkdir()
    pipe(keys / "crl" / "pipe.crl")
    link_to_itself(keys / "crl" / "link.crl")
    without_end(keys / "crl" / "zero.crl")
    (keys / "crl" / "good.crl").write_bytes(a_list(ISSUER))
    store = FolderRevocationStore(keys)

    assert {each.place.file for each in store.unreadable_lists()} == {
        "pipe.crl",
        "link.crl",
        "zero.crl",
    }
    assert {name for name, data in store.filed_lists().items() if data} == {"good.crl"}
    assert store.stamp()


def test_the_names_of_files_hurt_nobody_either(keys: Path) -> None:
    """The longest name that a disk holds, and one that is no UTF-8."""
    for name in (b"x" * 251 + b".pem", b"\xff\xfe.pem"):
        path = os.path.join(os.fsencode(keys), b"agencies/G22", name)  # noqa: PTH118 (bytes)
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"no certificate")

    assert len(read_folder(keys).set_aside) == 2
    rows = [row for row in describe(keys, now=NOW) if row.problem]
    assert len(rows) == 2
    assert load_signing_key(keys, OTHER, now=NOW).thumbprint in load_ring(keys)


def test_a_certificate_of_another_is_set_aside_and_its_owner_keeps_it(keys: Path) -> None:
    """A certificate is no secret: whoever files that of another must not stop anybody."""
    [mine] = (keys / "agencies" / "H24.05").glob("*.pem")
    public = leaf(ISSUER, PUBLIC)
    theirs = keys / "agencies" / "G22" / "theirs.pem"
    theirs.write_bytes(pem(public))
    os.utime(theirs, ns=(1, 1))
    copy = keys / "agencies" / "H24.05" / "copy.pem"
    copy.write_bytes(pem(public))

    believed = read_folder(keys)

    [problem] = believed.set_aside
    assert problem.place.file == "copy.pem"
    assert "also that of G22" in problem.text()
    assert mine.exists()
    assert {key.owner for key in believed.ring.values()} == {OWNER, OTHER}


def test_the_key_of_another_is_not_brought_in(keys: Path, tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    public.write_bytes(pem(leaf(ISSUER, PUBLIC)))
    files, access = KeyFolder(keys), KeyAccess()
    import_certificate(files, public, owner=OTHER, access=access, now=NOW)

    with pytest.raises(ConfigurationError, match=r"also that of G22"):
        import_certificate(files, public, owner=OWNER, access=access, now=NOW)

    assert not read_folder(keys).set_aside


def test_an_unreadable_certificate_is_no_reason_for_a_development_one(keys: Path) -> None:
    """It may be a real one, that a development certificate never takes over from."""
    owner = MailboxName("H01")
    place = keys / "agencies" / "H01" / "real.pem"
    place.parent.mkdir()
    place.write_bytes(b"no certificate")

    DevelopmentAuthority.open(keys, now=NOW).ensure([owner], now=NOW)

    with pytest.raises(ConfigurationError, match=r"real\.pem|valid now"):
        load_signing_key(keys, owner, now=NOW)


def test_a_request_that_cannot_be_read_stops_no_other(keys: Path, tmp_path: Path) -> None:
    broken = keys / "requests" / "G22" / "old.csr"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no request")
    public = tmp_path / "public.pem"
    public.write_bytes(pem(leaf(ISSUER, PUBLIC)))

    import_certificate(KeyFolder(keys), public, owner=OWNER, access=KeyAccess(), now=NOW)

    assert len(load_ring(keys)) == 3


def test_an_odd_file_of_the_directory_authority_is_set_aside(keys: Path) -> None:
    first = open_directory_trust(keys, now=NOW, access=KeyAccess())
    (directory_folder(keys) / "0-odd.pem").write_bytes(next(iter(CERTIFICATES.values())))

    again = open_directory_trust(keys, now=NOW, access=KeyAccess())

    assert dict(again.ring) == dict(first.ring)


def test_a_listing_shows_every_odd_file_as_a_row_with_its_reason(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = home / "keys"
    DevelopmentAuthority.open(folder, now=NOW).ensure([OWNER], now=NOW)
    (folder / "crl").mkdir()
    (folder / "requests" / "G22").mkdir(parents=True)
    (folder / "requests" / "G22" / "d.csr").write_bytes(b"")
    for place, data in (
        ("agencies/H24.05/a.pem", CERTIFICATES["x400Address as information access"]),
        ("authorities/b.pem", CERTIFICATES["a name with a BIT STRING"]),
        ("crl/c.crl", LISTS["an issuer with a BIT STRING"]),
    ):
        (folder / place).write_bytes(data)

    told = CliRunner().invoke(app, ["list", "--home", str(home), "--json"])
    shown = CliRunner().invoke(app, ["list", "--home", str(home)])

    assert told.exit_code == shown.exit_code == 0
    rows = {row["file"]: row for row in json.loads(told.stdout)}
    assert {"a.pem", "b.pem", "c.crl", "d.csr"} <= set(rows)
    for name in ("a.pem", "b.pem", "c.crl", "d.csr"):
        assert rows[name]["state"] == "unusable"
        assert "E_KEYS" in rows[name]["problem"]
        assert name in rows[name]["problem"]


# --- whatever the bytes, there is an answer or an error of ours ---------------------------------

GOOD_CERTIFICATES = [
    ISSUER.certificate.public_bytes(Encoding.DER),
    AGENCY.public_bytes(Encoding.DER),
    *CERTIFICATES.values(),
]
GOOD_LISTS = [a_list(ISSUER, Entry(certificate=AGENCY, at=NOW)), *list(LISTS.values())[:3]]
GOOD_ANSWERS = [
    an_answer(ISSUER, AGENCY, nonce=b"n"),
    an_answer(ISSUER, AGENCY, revoked_at=NOW, signed_by=ISSUER),
]


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A real one, changed at up to four places, or cut off."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.integers(0, 255) | st.sampled_from(b"\x03\x04\x05\x0c\x30\x82\xa3\xa4"))
    return bytes(data if draw(st.booleans()) else data[: draw(st.integers(0, len(data)))])


def code_of(what: Callable[[], object]) -> str | None:
    """The code of the refusal; None when there is an answer. Any other error is a failure."""
    try:
        what()
    except AxisError as error:
        return error.problem.code
    return None


@given(data=mutated(GOOD_CERTIFICATES))
def test_whatever_came_through_the_one_place_never_raises_later(data: bytes) -> None:
    try:
        [certificate] = certificates_in(data)
    except UnreadableError:
        return

    subject = Subject(certificate=certificate, issuer=ISSUER.certificate)
    sources_of([subject])
    subjects_of([(certificate, ISSUER.certificate)], now=NOW)
    question(certificate, ISSUER.certificate)
    for authorities in ([ISSUER.certificate], [certificate, ISSUER.certificate]):
        code = code_of(partial(certify, as_pem(data), authorities=authorities, owner=OWNER))
        assert code in {None, "E_CERTIFICATE_UNTRUSTED"}


@given(data=mutated(GOOD_LISTS))
def test_whatever_a_list_is_it_is_understood_or_refused(data: bytes) -> None:
    subject = Subject(certificate=AGENCY, issuer=ISSUER.certificate)
    read = partial(
        read_crl,
        data,
        source="crl",
        url=None,
        issuer=ISSUER.certificate,
        subjects=[AGENCY],
        now=NOW,
    )

    assert filed_list("a.crl", data, [subject]).name == "crl a.crl"
    assert code_of(read) in {None, "E_REVOCATION_SOURCE"}


@given(data=mutated(GOOD_ANSWERS))
def test_whatever_an_answer_is_it_is_understood_or_refused(data: bytes) -> None:
    read = partial(
        read_answer,
        data,
        source="ocsp",
        certificate=AGENCY,
        issuer=ISSUER.certificate,
        nonce=b"n",
        now=NOW,
    )

    assert code_of(read) in {None, "E_REVOCATION_SOURCE"}

"""The life of keys in their folder: requested, imported, encrypted, chosen, revoked."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.algorithm import Algorithm
from bus.core.keyring import OWNER_PREFIX
from bus.core.revocation.statement import RevocationReason, RevocationSource
from bus.core.signing import sign, verify
from bus.keys.access import KeyAccess
from bus.keys.authority import DevelopmentAuthority
from bus.keys.certificate_import import Imported, import_authority, import_certificate
from bus.keys.folder import KeyFolder
from bus.keys.requests import (
    KeyKind,
    Request,
    make_request,
    requests_here,
)
from bus.keys.revocation_store import revocations_here, revoke_here
from bus.keys.ring import describe, keys_in_use, load_ring, load_signing_key
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from tests.support.certificates import (
    ENDS,
    NOW,
    OTHER,
    OWNER,
    Issuer,
    below,
    key_for,
    leaf,
    pem,
    root,
)

BODY = b"{}"
OPEN = KeyAccess()
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def authority() -> Issuer:
    return root("A real authority")


@pytest.fixture
def files(tmp_path: Path, authority: Issuer) -> KeyFolder:
    """A key folder that trusts one authority."""
    found = KeyFolder(tmp_path / "keys")
    (tmp_path / "root.pem").write_bytes(authority.pem)
    import_authority(found, tmp_path / "root.pem")
    return found


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a passphrase."""
    path = tmp_path / "passphrase"
    path.write_text("correct horse\n")
    path.chmod(0o600)
    return path


def requested(files: KeyFolder, kind: KeyKind = KeyKind.P256, **given: object) -> Request:
    return make_request(files, OWNER, kind=kind, now=NOW, **{"passphrase": None, **given})  # type: ignore[arg-type]


def answer(request: Request, issuer: Issuer, *above: Issuer) -> bytes:
    """What an authority sends back."""
    asked = x509.load_pem_x509_csr(request.pem().encode())
    certificate = leaf(issuer, asked.public_key(), starts=NOW - timedelta(hours=1))
    return pem(certificate, *(each.certificate for each in above))


def imported(files: KeyFolder, data: bytes, **given: object) -> Imported:
    path = files.root.parent / "answer.pem"
    path.write_bytes(data)
    return import_certificate(files, path, **{"access": OPEN, "now": NOW, **given})  # type: ignore[arg-type]


def refusal(files: KeyFolder, data: bytes, **given: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        imported(files, data, **given)
    return str(refused.value)


# --- request and import -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_request_states_its_owner_and_its_answer_signs(
    files: KeyFolder, authority: Issuer, kind: KeyKind
) -> None:
    request = requested(files, kind)
    asked = x509.load_pem_x509_csr(request.pem().encode())

    done = imported(files, answer(request, authority))

    assert asked.is_signature_valid
    assert f"2.5.4.97={OWNER_PREFIX}{OWNER}" in asked.subject.rfc4514_string()
    assert (done.key.owner, done.answers) == (OWNER, True)
    assert requests_here(files) == ()
    signature = sign(BODY, key=load_signing_key(files.root, OWNER, now=NOW), now=NOW)
    assert verify(BODY, signature, keys=load_ring(files.root), now=NOW).owner == OWNER


def test_the_private_key_of_a_request_is_for_its_owner_only(files: KeyFolder) -> None:
    request = requested(files)

    assert stat.S_IMODE(request.private_key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(request.path.parent.stat().st_mode) == 0o700
    assert b"PRIVATE" not in request.path.read_bytes()


def test_a_waiting_request_changes_nothing(files: KeyFolder) -> None:
    requested(files)

    assert load_ring(files.root) == {}
    assert [request.owner for request in requests_here(files)] == [OWNER]


def test_a_chain_may_come_in_any_order(files: KeyFolder, authority: Issuer) -> None:
    middle = below(authority)
    parts = x509.load_pem_x509_certificates(answer(requested(files), middle, middle))

    done = imported(files, pem(*reversed(parts)))

    assert done.key.thumbprint in load_ring(files.root)


def test_an_answer_in_der_is_read_too(files: KeyFolder, authority: Issuer) -> None:
    [certificate] = x509.load_pem_x509_certificates(answer(requested(files), authority))

    assert imported(files, certificate.public_bytes(Encoding.DER)).answers


def test_of_several_requests_the_right_one_is_answered(files: KeyFolder, authority: Issuer) -> None:
    first, second = requested(files), requested(files)

    imported(files, answer(first, authority))

    assert requests_here(files) == (second,)


def test_another_agencys_certificate_is_believed_and_does_not_sign(
    files: KeyFolder, authority: Issuer
) -> None:
    public = key_for(Algorithm.EDDSA).public_key()

    done = imported(files, pem(leaf(authority, public, f"{OWNER_PREFIX}{OTHER}")))

    assert (done.key.owner, done.answers) == (OTHER, False)
    assert done.key.thumbprint in load_ring(files.root)


def test_what_cannot_be_filed_says_why_and_leaves_the_request_waiting(
    files: KeyFolder, authority: Issuer
) -> None:
    request = requested(files)
    public = key_for(Algorithm.ES256).public_key()
    stated = leaf(authority, public, f"{OWNER_PREFIX}{OTHER}")

    assert "add --as CODE" in refusal(files, pem(leaf(authority, public)))
    assert "certificate of G22" in refusal(files, pem(stated), owner=OWNER)
    assert "answers the request" in refusal(files, answer(request, authority), owner=OTHER)
    assert "--authority" in refusal(files, authority.pem)
    assert "several owners" in refusal(files, pem(stated, leaf(authority, public)))
    assert "validation failed" in refusal(files, answer(request, root("Nobody")))
    assert "expired on 2026-11-22" in refusal(files, pem(stated), now=ENDS + timedelta(days=1))
    assert "no readable certificate" in refusal(files, b"no certificate")
    assert requests_here(files) == (request,)
    assert load_ring(files.root) == {}


def test_only_an_authority_is_trusted_as_one(files: KeyFolder, authority: Issuer) -> None:
    path = files.root.parent / "leaf.pem"
    path.write_bytes(pem(leaf(authority, key_for(Algorithm.ES256).public_key())))

    with pytest.raises(ConfigurationError, match="is not an authority"):
        import_authority(files, path)


# --- encrypted keys -----------------------------------------------------------------------------


def test_an_encrypted_key_signs_with_the_passphrase_and_not_without(
    files: KeyFolder, authority: Issuer, secret: Path
) -> None:
    access = KeyAccess(passphrase_file=secret)
    request = requested(files, passphrase=access.passphrase(agency=OWNER))
    imported(files, answer(request, authority))
    secret.with_name("wrong").write_text("wrong")
    secret.with_name("wrong").chmod(0o600)

    key = load_signing_key(files.root, OWNER, now=NOW, access=access)

    assert key.thumbprint in load_ring(files.root)
    [path] = files.root.glob("agencies/*/*.key")
    assert b"ENCRYPTED" in path.read_bytes()
    for wrong, why in (
        (OPEN, "LIENTHONG_KEY_PASSPHRASE_FILE"),
        (KeyAccess(passphrase_file=secret.with_name("wrong")), "does not open it"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            load_signing_key(files.root, OWNER, now=NOW, access=wrong)


def test_with_a_passphrase_the_development_authority_encrypts_all_it_makes(
    tmp_path: Path, secret: Path
) -> None:
    access, folder = KeyAccess(passphrase_file=secret), tmp_path / "dev"

    DevelopmentAuthority.open(folder, now=NOW, access=access).ensure([OWNER], now=NOW)

    assert all(b"ENCRYPTED" in path.read_bytes() for path in folder.rglob("*.key"))
    key = load_signing_key(folder, OWNER, now=NOW, access=access)
    assert key.thumbprint in load_ring(folder)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [("s", 0o640, "chmod 600"), ("", 0o600, "is empty"), ("\ns", 0o600, "is empty")],
)
def test_a_passphrase_that_is_open_or_empty_is_refused(
    secret: Path, content: str, mode: int, why: str
) -> None:
    secret.write_text(content)
    secret.chmod(mode)

    with pytest.raises(ConfigurationError, match=why):
        KeyAccess(passphrase_file=secret).passphrase(agency=OWNER)


# --- who signs ----------------------------------------------------------------------------------


def test_a_real_certificate_takes_over_from_a_development_one_and_not_back(
    files: KeyFolder, authority: Issuer
) -> None:
    development = DevelopmentAuthority.open(files.root, now=NOW)
    development.ensure([OWNER], now=NOW)
    done = imported(files, answer(requested(files), authority))
    after = ENDS + timedelta(days=1)

    development.ensure([OWNER], now=after)

    assert load_signing_key(files.root, OWNER, now=NOW).thumbprint == done.key.thumbprint
    with pytest.raises(ConfigurationError, match="expired on 2026-11-22"):
        load_signing_key(files.root, OWNER, now=after)
    assert [key.thumbprint for key in keys_in_use(load_ring(files.root))] == [done.key.thumbprint]


def test_nobody_signs_with_a_certificate_that_the_verifiers_may_not_know(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    development = DevelopmentAuthority.open(folder, now=NOW)
    development.ensure([OWNER], now=NOW)
    known = tuple(load_ring(folder))

    development.issue(OWNER, now=LATER)

    assert load_signing_key(folder, OWNER, now=LATER, known=known).thumbprint == known[0]
    new = load_signing_key(folder, OWNER, now=LATER, known=tuple(load_ring(folder)))
    assert new.thumbprint != known[0]


def test_the_stamp_changes_with_every_file_that_matters(
    files: KeyFolder, authority: Issuer
) -> None:
    stamps = [files.stamp()]
    request = requested(files)
    assert files.stamp() == stamps[0]

    done = imported(files, answer(request, authority))
    stamps.append(files.stamp())
    revoke_here(files, done.key.thumbprint, reason=RevocationReason.SUPERSEDED, now=NOW)
    stamps.append(files.stamp())

    assert len(set(stamps)) == 3


def test_the_quick_stamp_changes_with_every_file_but_one_that_is_written_in_place(
    files: KeyFolder, authority: Issuer
) -> None:
    stamps = [files.quick_stamp()]
    done = imported(files, answer(requested(files), authority))
    stamps.append(files.quick_stamp())
    revoke_here(files, done.key.thumbprint, reason=RevocationReason.SUPERSEDED, now=NOW)
    stamps.append(files.quick_stamp())
    [filed] = files.filed_under(OWNER)
    filed.path.rename(filed.path.with_suffix(".old"))
    stamps.append(files.quick_stamp())
    seen = files.stamp()
    filed.path.with_suffix(".old").write_bytes(b"")

    assert len(set(stamps)) == 4
    assert files.quick_stamp() == stamps[-1]
    assert files.stamp() != seen


# --- revocation ---------------------------------------------------------------------------------


def test_a_revocation_stays_and_counts_from_its_moment_on(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    DevelopmentAuthority.open(folder, now=NOW).ensure([OWNER, OTHER], now=NOW)
    key = load_signing_key(folder, OWNER, now=NOW)
    before, after = (sign(BODY, key=key, now=moment) for moment in (NOW, LATER))

    told = revoke_here(
        KeyFolder(folder), key.thumbprint, reason=RevocationReason.SUPERSEDED, now=LATER
    )

    ring = load_ring(folder)
    assert verify(BODY, before, keys=ring, now=LATER).owner == OWNER
    with pytest.raises(AxisError, match="E_CERTIFICATE_REVOKED"):
        verify(BODY, after, keys=ring, now=LATER)
    with pytest.raises(ConfigurationError, match="was revoked"):
        load_signing_key(folder, OWNER, now=LATER)
    assert (told.source, revocations_here(KeyFolder(folder))) == (
        RevocationSource.OPERATOR,
        (told,),
    )
    assert [row.revocation for row in describe(folder, now=LATER) if row.owner == OWNER] == [told]


def test_a_revoked_development_certificate_is_replaced_by_another(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    development = DevelopmentAuthority.open(folder, now=NOW)
    development.ensure([OWNER], now=NOW)
    old = load_signing_key(folder, OWNER, now=NOW).thumbprint
    revoke_here(KeyFolder(folder), old, reason=RevocationReason.KEY_COMPROMISE, now=NOW)

    development.ensure([OWNER], now=LATER)

    assert load_signing_key(folder, OWNER, now=LATER).thumbprint != old


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        "[{}]",
        json.dumps([{"thumbprint": "a", "at": "2026-03-02T08:30:00", "reason": "superseded"}]),
        json.dumps([{"thumbprint": "a", "at": "2026-03-02T08:30:00Z", "reason": "boredom"}]),
    ],
)
def test_a_file_of_revocations_that_cannot_be_understood_stops_the_start(
    files: KeyFolder, content: str
) -> None:
    files.revoked.write_text(content)

    with pytest.raises(ConfigurationError, match=r"revoked\.json"):
        load_ring(files.root)


def test_a_code_of_any_text_waits_within_the_folder(files: KeyFolder) -> None:
    owner = MailboxName("../../x")

    request = make_request(files, owner, kind=KeyKind.P256, passphrase=None, now=NOW)

    assert request.path.parent.parent == files.requests
    assert requests_here(files) == (request,)

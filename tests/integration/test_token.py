"""Private keys in a PKCS #11 token: SoftHSM, with keys that never come out of it."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bus.core.algorithm import Algorithm, PrivateKey, PublicKey, make_signature
from bus.core.keyring import KeyRing
from bus.core.sealing.suite import SealingSuite
from bus.core.signing import SigningKey, sign, verify
from bus.keys.access import KeyAccess
from bus.keys.certificate_import import import_authority, import_certificate
from bus.keys.folder import KeyFolder
from bus.keys.ring import describe, load_ring, load_signing_key
from bus.keys.sealing import SealingFolder
from bus.keys.token import token_key
from bus.keys.token_uri import token_uri
from bus.services.signing_keys import KeySigner
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, TransportError
from tests.acceptance.packets import a_packet
from tests.support.certificates import OWNER, key_for, leaf, pem, root, signer
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.packages import program
from tests.support.two_agencies import TwoAgencies, eventually

TOKEN, PIN = "agencies", "437219"
NOW = datetime.now(UTC)
BODY = b"{}"


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token of SoftHSM, with a key of each kind: `H24.05-ES256`, `H24.05-PS256`."""

    access: KeyAccess
    folder: Path

    def uri(self, algorithm: Algorithm, **query: str) -> str:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        named = f"pkcs11:token={TOKEN};object={OWNER}-{algorithm};type=private"
        return f"{named}?{asked}" if asked else named


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    util = program("softhsm2-util")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")

    def run(*arguments: str) -> None:
        subprocess.run([util, *arguments], check=True, capture_output=True, timeout=60)

    run("--init-token", "--free", "--label", TOKEN, "--so-pin", "987654", "--pin", PIN)
    for number, algorithm in enumerate((Algorithm.ES256, Algorithm.PS256), start=1):
        key = key_for(algorithm).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").write_bytes(key)
        run(
            *("--import", str(folder / "key.pem"), "--token", TOKEN, "--pin", PIN),
            *("--label", f"{OWNER}-{algorithm}", "--id", f"0{number}"),
        )
    (folder / "key.pem").unlink()
    pin = folder / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    module = next(Path("/usr/lib").glob("**/softhsm/libsofthsm2.so"))
    yield Token(access=KeyAccess(module=module, pin_file=pin), folder=folder)
    del os.environ["SOFTHSM2_CONF"]


def held(
    token: Token, algorithm: Algorithm, *, owner: MailboxName = OWNER
) -> tuple[SigningKey, KeyRing]:
    """A signing key in the token, and the ring that believes its certificate."""
    known = signer(algorithm, owner=owner, starts=NOW - timedelta(days=1), ends=_IN_A_YEAR)
    key = SigningKey(
        private_key=token_key(token.uri(_kind(algorithm)), access=token.access, agency=owner),
        thumbprint=known.key.thumbprint,
        algorithm=algorithm,
    )
    return key, known.ring


def _kind(algorithm: Algorithm) -> Algorithm:
    return Algorithm.PS256 if algorithm is Algorithm.RS256 else algorithm


_IN_A_YEAR = NOW + timedelta(days=365)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.PS256])
def test_a_signature_of_a_token_verifies_like_any_other(token: Token, algorithm: Algorithm) -> None:
    key, ring = held(token, algorithm)

    proven = verify(BODY, sign(BODY, key=key, now=NOW), keys=ring, now=NOW)

    assert key.is_in_token
    assert proven.owner == OWNER


def test_a_token_signs_in_the_older_padding_of_rsa_too(token: Token) -> None:
    key, ring = held(token, Algorithm.PS256)
    older = replace(key, algorithm=Algorithm.RS256)

    assert verify(BODY, sign(BODY, key=older, now=NOW), keys=ring, now=NOW).owner == OWNER


def test_a_certificate_is_filed_with_its_key_in_a_token_and_signs(
    token: Token, tmp_path: Path
) -> None:
    folder, authority = tmp_path / "keys", root(ends=_IN_A_YEAR)
    (tmp_path / "root.pem").write_bytes(authority.pem)
    certificate = leaf(
        authority,
        key_for(Algorithm.ES256).public_key(),
        starts=NOW - timedelta(days=1),
        ends=_IN_A_YEAR - timedelta(days=1),
    )
    (tmp_path / "leaf.pem").write_bytes(pem(certificate))
    files = KeyFolder(folder)
    import_authority(files, tmp_path / "root.pem")

    done = import_certificate(
        files,
        tmp_path / "leaf.pem",
        owner=OWNER,
        token=token.uri(Algorithm.ES256),
        access=token.access,
        now=NOW,
    )

    signature = sign(
        BODY, key=load_signing_key(folder, OWNER, now=NOW, access=token.access), now=NOW
    )
    assert verify(BODY, signature, keys=load_ring(folder), now=NOW).owner == OWNER
    [row] = describe(folder, now=NOW, access=token.access)
    assert (done.answers, row.in_token, row.signs, row.problem) == (True, True, True, None)
    assert not list(folder.rglob("*.key"))


def test_a_key_in_the_token_that_is_not_that_of_the_certificate_is_refused(
    token: Token, tmp_path: Path
) -> None:
    authority = root(ends=_IN_A_YEAR)
    (tmp_path / "root.pem").write_bytes(authority.pem)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "leaf.pem").write_bytes(pem(leaf(authority, other, ends=_IN_A_YEAR)))
    files = KeyFolder(tmp_path / "keys")
    import_authority(files, tmp_path / "root.pem")

    with pytest.raises(ConfigurationError, match="does not belong to the certificate"):
        import_certificate(
            files,
            tmp_path / "leaf.pem",
            owner=OWNER,
            token=token.uri(Algorithm.ES256),
            access=token.access,
            now=NOW,
        )


def test_many_threads_sign_with_one_token_and_every_signature_holds(token: Token) -> None:
    elliptic, ring = held(token, Algorithm.ES256)
    rsa, rsa_ring = held(token, Algorithm.PS256)

    with ThreadPoolExecutor(8) as threads:
        keys = [elliptic, rsa] * 40
        made = list(threads.map(lambda key: sign(BODY, key=key, now=NOW), keys))

    both = KeyRing([*ring.values(), *rsa_ring.values()])
    assert all(verify(BODY, signature, keys=both, now=NOW) for signature in made)


@pytest.mark.parametrize("suffix", [".edxml", ".sealed.edxml"])
async def test_a_document_signed_by_a_token_arrives_and_is_answered(
    token: Token, tmp_path: Path, suffix: str
) -> None:
    axis, sender = TwoAgencies(tmp_path), MailboxName(SENDER)
    key, ring = held(token, Algorithm.ES256, owner=sender)
    known = axis.parts
    axis.parts = replace(
        known,
        ring=KeyRing([*known.ring.values(), *ring.values()]),
        key_of=lambda code: key if code == SENDER else known.key_of(code),
    )
    for owner in known.routing.mailboxes:
        SealingFolder(tmp_path / "keys").rotate(
            owner, suite=SealingSuite.HYBRID, signing=axis.parts.key_of, now=NOW
        )

    async with axis.running():
        for number in range(10):
            packet = a_packet(sender=SENDER, receivers=[RECIPIENT], number=str(number))
            axis.drop(SENDER, f"{number}{suffix}", packet)
        await eventually(lambda: len(axis.statuses(SENDER)) == 10)

    assert len(axis.documents(RECIPIENT)) == 10
    assert axis.failures == []


def test_a_token_that_was_away_signs_again_when_it_is_back(token: Token) -> None:
    key, ring = held(token, Algorithm.ES256)
    sign(BODY, key=key, now=NOW)
    tokens, away = token.folder / "tokens", token.folder / "away"

    tokens.rename(away)
    for _ in range(3):
        with pytest.raises(TransportError, match="E_SIGNING_KEY_AWAY"):
            sign(BODY, key=key, now=NOW)
    away.rename(tokens)

    assert verify(BODY, sign(BODY, key=key, now=NOW), keys=ring, now=NOW).owner == OWNER


class _Hanging:
    """A token whose answer does not come before it is let go; the key itself is real."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.let_go = threading.Event()

    def public_key(self) -> PublicKey:
        return self._key.public_key()

    def make_signature(self, data: bytes, algorithm: Algorithm) -> bytes:
        self.let_go.wait(10)
        return make_signature(data, key=self._key, algorithm=algorithm)


async def test_a_token_that_hangs_does_not_hold_up_the_loop_and_is_given_up_in_time(
    tmp_path: Path,
) -> None:
    hanging = _Hanging(key_for(Algorithm.ES256))
    key = SigningKey(private_key=hanging, thumbprint="", algorithm=Algorithm.ES256)
    signer = KeySigner(
        mailbox=MailboxName(SENDER), key=lambda: key, deadline=timedelta(milliseconds=100)
    )
    signing = asyncio.create_task(signer.sign(b"a body", now=NOW))
    turns = 0
    while not signing.done():
        turns += 1
        await asyncio.sleep(0.001)
    hanging.let_go.set()

    with pytest.raises(AxisError, match="E_SIGNING_KEY_AWAY"):
        await signing
    assert turns > 10


def test_a_wrong_pin_is_tried_once_only_and_named(token: Token) -> None:
    wrong = token.folder / "wrong-pin"
    wrong.write_text("000000")
    wrong.chmod(0o600)
    # A token of its own name in this process: the right one is logged in already.
    script = f"""
from pathlib import Path
from bus.keys.access import KeyAccess
from bus.keys.token import token_key
from schemas.problem import ConfigurationError
access = KeyAccess(module=Path({str(token.access.module)!r}), pin_file=Path({str(wrong)!r}))
for _ in range(2):
    try:
        token_key({token.uri(Algorithm.ES256)!r}, access=access, agency="H24.05")
    except ConfigurationError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )

    first, second = done.stdout.splitlines()
    assert "PinIncorrect" in first
    assert "not tried again" in second
    assert "000000" not in done.stdout


def test_a_pin_that_others_can_read_is_refused(token: Token, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text(PIN)
    pin.chmod(0o644)
    uri = token.uri(Algorithm.ES256, **{"pin-source": f"file:{pin}"})

    with pytest.raises(ConfigurationError, match="chmod 600"):
        token_key(uri, access=token.access, agency=OWNER)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("H24.05", "begins with pkcs11:"),
        ("pkcs11:token=a;object=b?pin-value=1234", "contains a PIN"),
        (
            "pkcs11:token=a;object=b?module-path=/tmp/x.so",
            "only the setting LIENTHONG_PKCS11_MODULE",
        ),
        ("pkcs11:object=b", "must name a token"),
        ("pkcs11:token=a", "must name a token"),
        ("pkcs11:token=a;object=b;type=public", "no private key"),
        ("pkcs11:token=a;object=b;colour=red", "colour"),
        ("pkcs11:token=a;token=b;object=c", "twice"),
    ],
)
def test_a_uri_that_is_not_fit_says_why_and_shows_no_pin(uri: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        token_uri(uri, agency=OWNER)

    assert "1234" not in str(refused.value)


def test_a_uri_is_read_as_rfc_7512_writes_it() -> None:
    read = token_uri(
        "pkcs11:token=V%C4%83n%20b%E1%BA%A3n;serial=0a1b;id=%01%ff;object=k?pin-source=file:/etc/pin",
        agency=OWNER,
    )

    assert (read.token, read.serial, read.id, read.object) == ("Văn bản", "0a1b", b"\1\xff", "k")
    assert read.pin_source == Path("/etc/pin")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"module": None}, "LIENTHONG_PKCS11_MODULE"),
        ({"pin_file": None}, "LIENTHONG_PKCS11_PIN_FILE"),
        ({"module": Path("/no/such/module.so")}, "cannot be used"),
    ],
)
def test_a_token_that_is_not_set_up_says_which_setting_is_due(
    token: Token, change: dict[str, Path | None], why: str
) -> None:
    access = replace(token.access, **change)

    with pytest.raises(ConfigurationError, match=why):
        token_key(token.uri(Algorithm.ES256), access=access, agency=OWNER)


@pytest.mark.parametrize(
    "uri", [f"pkcs11:token={TOKEN};object=nobody", "pkcs11:token=nowhere;object=nobody"]
)
def test_a_key_or_a_token_that_is_not_there_is_told(token: Token, uri: str) -> None:
    with pytest.raises(ConfigurationError, match="NoSuch"):
        token_key(uri, access=token.access, agency=OWNER)

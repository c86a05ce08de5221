"""The wire contract is enough to open a sealed document: by its words, not by our code."""

import hmac
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bus.core.identity import document_hash, document_identity
from bus.core.sealing.suite import SealingSuite
from bus.core.signing import verify
from bus.core.wire import body_of
from schemas.document import Document
from tests.support.envelopes import NOW, RECIPIENT, SENDER
from tests.support.seals import SUBJECT, Pair, Seals

_KEM = {
    "hpke-mlkem768-x25519-hkdf-sha256-aes256gcm": KEM.MLKEM768_X25519,
    "hpke-x25519-hkdf-sha256-aes256gcm": KEM.X25519,
}
_FILE = b"0123456789abcdef" * 40_000


def _j(*values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _k(content_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(content_key)


def _context(envelope: dict[str, Any]) -> bytes:
    sealed = envelope["sealed"]
    sent = datetime.fromisoformat(envelope["sent_at"]) - datetime(1970, 1, 1, tzinfo=UTC)
    whole = _j(
        "lienthong sealed envelope 1",
        envelope["version"],
        envelope["kind"],
        envelope["envelope_id"],
        envelope["content_hash"],
        envelope["sender"],
        envelope["sender_mailbox"],
        [[r["agency"], r["mailbox"], r.get("named")] for r in envelope["recipients"]],
        round(sent.total_seconds() * 1_000_000),
        sealed["lane"],
        [[key["mailbox"], key["suite"], key["key_id"]] for key in sealed["keys"]],
        [[file["size"], file["sha256"]] for file in sealed.get("files", [])],
    )
    return sha256(whole).digest()


def _content_key(envelope: dict[str, Any], pair: Pair) -> bytes:
    [wrapped] = [key for key in envelope["sealed"]["keys"] if key["mailbox"] == RECIPIENT]
    info = b"lienthong sealed key 1\n" + _j(_context(envelope).hex(), RECIPIENT, wrapped["key_id"])
    suite = Suite(_KEM[wrapped["suite"]], KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return suite.decrypt(_bytes(wrapped["wrapped"]), pair.private.private_key, info)


def _parts(plain: bytes) -> tuple[str, bytes]:
    length = int.from_bytes(plain[:4], "big")
    signature, rest = plain[4 : 4 + length], plain[4 + length :]
    length = int.from_bytes(rest[:4], "big")
    assert not rest[4 + length :].strip(b"\0")
    assert len(plain) % 4096 == 0
    return signature.decode(), rest[4 : 4 + length]


def _file(sealed: bytes, key: bytes) -> bytes:
    size = 262_144 + 16
    chunks = [sealed[start : start + size] for start in range(0, len(sealed), size)]
    return b"".join(
        AESGCM(key).decrypt(
            number.to_bytes(11, "big") + bytes([number == len(chunks) - 1]), chunk, None
        )
        for number, chunk in enumerate(chunks)
    )


@pytest.mark.parametrize("suite", list(SealingSuite))
def test_a_sealed_document_is_opened_by_the_words_of_the_contract(suite: SealingSuite) -> None:
    seals = Seals()
    pair = seals.pair(RECIPIENT, suite=suite)
    sent = seals.sealed(to=(RECIPIENT,), keys=[pair.public], files=[b"first", _FILE])
    envelope = json.loads(body_of(sent))

    content_key = _content_key(envelope, pair)
    plain = AESGCM(_k(content_key, b"lienthong sealed content 1\n")).decrypt(
        bytes(12), _bytes(envelope["sealed"]["content"]), _context(envelope)
    )
    signature, content = _parts(plain)
    said = json.loads(content)
    with seals.store.open(said["files"][1]["sealed"]) as file:
        opened = _file(file.read(), _k(content_key, b"lienthong sealed file 1\n1"))
    document = Document.model_validate(said["document"])
    d = _j(document_identity(document, SENDER), document_hash(document))
    content_hash = hmac.new(bytes.fromhex(said["salt"]), d, sha256).hexdigest()

    signed = b"lienthong sealed content 1\n" + content
    assert verify(signed, signature, keys=seals.ring, now=NOW).owner == str(SENDER)
    assert said["document"]["subject"] == SUBJECT
    assert opened == _FILE
    assert envelope["content_hash"] == content_hash
    assert envelope["envelope_id"] == sha256(_j("sealed", content_hash)).hexdigest()


def test_a_key_is_named_and_signed_by_the_words_of_the_contract() -> None:
    seals = Seals()
    pair = seals.pairs[RECIPIENT]
    said = json.loads(pair.published.statement)
    signed = b"lienthong sealing key 1\n" + pair.published.statement.encode()

    proof = verify(signed, pair.published.signature, keys=seals.ring, now=NOW)
    named = _j(said["owner"], said["suite"], said["public_key"])
    assert {proof.owner, said["owner"]} == {RECIPIENT}
    assert pair.public.key_id == sha256(named).hexdigest()
    assert len(_bytes(said["public_key"])) == 1184 + 32

"""Hostile: what a thief with an agency's account, and careless hands, may throw at an axis.

Everything follows from a seed. What is thrown where is in `attack`.
"""

import os
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtensionOID, NameOID
from pamqp import encode

from bus.core.failure import FAILURE_HEADER, Stage
from bus.core.wire import body_of, envelope_of
from bus.rabbit import frames
from schemas.codes import EnvelopeKind, Lane
from schemas.document import Organization
from schemas.errors import FailureClass
from schemas.identifiers import AgencyCode, MailboxName
from tests.fuzz.corpus import corpus
from tests.support.envelopes import a_document, a_recipient

_WORDS = (
    "", "G22", "H24", "H41", "agency.G22", "documents", "failures", "a" * 256, "a" * 5000, "\0",
    "\u202eđ", "../../x", "*", "#", ".", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "-1", "NaN", "null", "{}", "[" * 300, "mailbox.H41.express", "redelivery", "H24.H41.express",
    "delivery_limit", "expired", "rejected", "00-" + "f" * 32 + "-" + "f" * 16 + "-01",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 20, 21, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63), 7_000_000_000)
_HEADERS = (
    FAILURE_HEADER, "attempt", "signature", "original_user_id", "original_message_id", "CC", "BCC",
    "traceparent", "x-death", "x-delivery-count", "x-first-death-queue", "x-first-death-reason",
    "x-first-death-exchange", "replay", "", "x" * 128,
)  # fmt: skip
_TIMES = (0, 1, 2**32, 2**63, 2**64 - 1, 253_402_300_800, 1_790_000_000)
_SHORT_BITS = (15, 14, 10, 9, 8, 7, 5, 4, 3, 2)
"""content-type, -encoding, correlation-id, reply-to, expiration, message-id, type, user-id, app-id,
cluster-id (AMQP 0-9-1, 4.2.6.1)."""
_HEADER_BIT, _MODE_BIT, _PRIORITY_BIT, _TIME_BIT, _USER_BIT = 13, 12, 11, 6, 4


@dataclass(frozen=True, kw_only=True)
class Thrown:
    """A message: whatever an agency's account may publish."""

    exchange: str
    key: str
    properties: bytes
    body: bytes


class Hostile:
    """Makes things that nobody expects.

    Args:
        thief: Whose account is in wrong hands.
        account: Its name at the broker.
    """

    def __init__(self, choose: random.Random, *, thief: str, account: str) -> None:
        self.choose = choose
        self._thief = thief
        self._account = account

    # --- messages ---

    def message(self, sign: Callable[[bytes], str]) -> Thrown:
        """One for `documents` or `failures`.

        Args:
            sign: With the thief's own good key.
        """
        choose = self.choose
        if choose.random() < 0.5:
            return self._well_formed(sign)
        body = choose.choice((self._garbage, self._near_envelope))()
        headers = {choose.choice(_HEADERS): self._value(0) for _ in range(choose.randint(0, 5))}
        for name in ("CC", "BCC"):
            if name in headers and choose.random() < 0.9:
                # Anything else the broker itself refuses.
                headers[name] = [choose.choice(("H41.H41.express", "G22.H41.standard", "failures"))]
        kind = choose.choice((*EnvelopeKind, "", "probe", self._word()))
        if choose.random() < 0.7:
            headers["signature"] = sign(body)
        if choose.random() < 0.5:
            exchange = "failures"
            key = f"{self._thief}.{choose.choice((*FailureClass, self._word()))}"[:200]
            if choose.random() < 0.8:
                headers[FAILURE_HEADER] = self._failure()
        else:
            exchange = "documents"
            box = choose.choice(("H41", "G22", "H24", "Z99"))
            key = f"{self._thief}.{box}.{choose.choice(tuple(Lane))}.{kind}"[:200]
        return Thrown(
            exchange=exchange, key=key, properties=self._properties(headers, kind), body=body
        )

    def _well_formed(self, sign: Callable[[bytes], str]) -> Thrown:
        """One as our own drivers write it, with something wrong inside."""
        choose = self.choose
        body = self._cut(self._own_envelope())
        failing = choose.random() < 0.4
        headers: dict[str, Any] = {"attempt": 1, "signature": sign(body)}
        if failing:
            headers |= {
                FAILURE_HEADER: self._failure(),
                "original_user_id": choose.choice((self._account, "agency.G22")),
                "original_message_id": "1",
            }
        kind = EnvelopeKind.DOCUMENT
        properties = b"".join(
            (
                struct.pack(">H", sum(1 << bit for bit in (15, 13, 12, 7, 6, 5, 4))),
                _short(b"application/json"),
                encode.field_table(headers),
                b"\2",
                _short(str(choose.random()).encode()),
                struct.pack(">Q", int(datetime.now(UTC).timestamp())),
                _short(kind.encode()),
                _short(self._account.encode()),
            )
        )
        return Thrown(
            exchange="failures" if failing else "documents",
            key=f"{self._thief}.{choose.choice(tuple(FailureClass))}"
            if failing
            else f"{self._thief}.H41.{Lane.STANDARD}.{kind}",
            properties=properties,
            body=body,
        )

    def _own_envelope(self) -> bytes:
        document = a_document(
            number=str(self.choose.randrange(10**6, 10**7)),
            from_agency=Organization(organ_id=self._thief),
        )
        return body_of(
            envelope_of(
                document,
                sender=AgencyCode(self._thief),
                sender_mailbox=MailboxName(self._thief),
                recipients=(a_recipient("H41"),),
                sent_at=datetime.now(UTC),
            )
        )

    def _failure(self) -> str:
        """Near the header that a worker writes."""
        choose = self.choose
        fields: dict[str, object] = {
            "problem": {"code": choose.choice(("E_ENDPOINT_DOWN", "E_INTERNAL", self._word()))},
            "stage": choose.choice((*Stage, self._word())),
            "failure_class": choose.choice((*FailureClass, self._word())),
            "mailbox": choose.choice(("H24", "H41", self._word())),
            "fingerprint": choose.choice(("0" * 16, self._word())),
            "routing_key": choose.choice((f"{self._thief}.H41.express.document", self._word())),
            "attempt": choose.choice(_NUMBERS),
            "failed_at": choose.choice(
                (_WORDS[15], _WORDS[16], datetime.now(UTC).isoformat(), self._word())
            ),
        }
        if choose.random() < 0.2:
            fields.pop(choose.choice(tuple(fields)))
        said = str(fields).replace("'", '"')
        return said if choose.random() < 0.9 else self._cut(said.encode()).decode(errors="replace")

    def _properties(self, headers: Mapping[str, Any], kind: str) -> bytes:
        """A content header: the right form mostly, with wrong values in it."""
        choose = self.choose
        bits = {_HEADER_BIT, _MODE_BIT, 5}
        bits |= {bit for bit in _SHORT_BITS if choose.random() < 0.4 and bit != _USER_BIT}
        if choose.random() < 0.8:
            bits.add(_USER_BIT)
        bits |= {bit for bit in (_PRIORITY_BIT, _TIME_BIT) if choose.random() < 0.5}
        flags = sum(1 << bit for bit in bits)
        parts = [struct.pack(">H", flags)]
        for bit in sorted(bits, reverse=True):
            match bit:
                case 13:
                    parts.append(encode.field_table(dict(headers)))
                case 12:
                    # Others the broker itself refuses.
                    parts.append(choose.choice((b"\1", b"\2")))
                case 11:
                    parts.append(bytes((choose.randrange(256),)))
                case 6:
                    parts.append(struct.pack(">Q", choose.choice(_TIMES)))
                case 4:
                    parts.append(_short(self._account.encode()))
                case 5:
                    parts.append(_short(kind.encode()))
                case 8:
                    # Otherwise the broker closes the channel (RabbitMQ manual, Time-To-Live).
                    parts.append(_short(choose.choice((b"1", b"60000"))))
                case _:
                    parts.append(
                        _short(choose.choice((self._word().encode(), choose.randbytes(9))))
                    )
        return b"".join(parts)

    def _value(self, depth: int) -> object:
        choose = self.choose
        kinds: list[Callable[[], object]] = [
            self._word,
            lambda: choose.choice(_NUMBERS),
            lambda: choose.random() < 0.5,
            lambda: None,
            lambda: choose.uniform(-1e38, 1e38),
            lambda: bytearray(choose.randbytes(20)),
            lambda: datetime.now(UTC) - timedelta(days=choose.randrange(10_000)),
        ]
        if depth < 4:
            kinds += [
                lambda: {self._word()[:100]: self._value(depth + 1)},
                lambda: [self._value(depth + 1) for _ in range(3)],
            ]
        return choose.choice(kinds)()

    def _word(self) -> str:
        return self.choose.choice(_WORDS)

    def _garbage(self) -> bytes:
        return self.choose.randbytes(self.choose.choice((0, 1, 100, 70_000)))

    def _near_envelope(self) -> bytes:
        return self._cut(self.choose.choice(corpus("envelope")))

    def _cut(self, data: bytes) -> bytes:
        """Changed in a few places, or not."""
        choose = self.choose
        for _ in range(choose.randint(0, 3)):
            at = choose.randrange(len(data) + 1)
            piece = choose.choice((b"", b"\0", b"9" * 50, b"null", b"\xff", b"[]", b'"', b"{}"))
            data = data[:at] + piece + data[at + choose.randint(0, 30) :]
        return data

    # --- files ---

    def outbox_file(self, folder: Path) -> None:
        """Something in an outbox, of any kind and name."""
        choose = self.choose
        name = choose.choice(
            (
                f"{choose.random()}.edxml",
                f"{choose.random()}.json".encode() + b"\xff\xfe",
                "n" * 240 + str(choose.randrange(10**9)),
                f"{choose.random()}\u202e\n\t;rm.edxml",
                f"{choose.random()}.sealed.edxml",
                f" {choose.random()} ",
                f"{choose.random()}.error.json",
            )
        )
        path = folder / (name if isinstance(name, str) else name.decode(errors="surrogateescape"))
        data = self._cut(choose.choice((*corpus("edxml"), *corpus("json"), *corpus("zip"))))
        _put(path, choose.choice((data, self._garbage(), b"")), choose)

    def key_file(
        self, keys: Path, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        """Something in a key folder: a certificate of the home's own authority, a list, or else."""
        choose = self.choose
        name = f"hostile-{choose.randrange(10**9)}"
        place, data = choose.choice(
            (
                (keys / "agencies" / self._thief, self._certificate(issuer, key)),
                (keys / "agencies" / self._thief, self._certificate(issuer, key)),
                (keys / "agencies" / choose.choice(("Z99", "%00", "%2E", "no-such", "%")), b""),
                (keys / "authorities", self._cut(issuer.public_bytes(Encoding.PEM))),
                (keys / "crl", self._list(issuer, key)),
            )
        )
        place.mkdir(parents=True, exist_ok=True)
        suffix = ".crl" if place.name == "crl" else ".pem"
        _put(place / f"{name}{suffix}", data or self._certificate(issuer, key), choose)

    def _certificate(self, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
        choose = self.choose
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, choose.choice(("x", "\u202eđ", "a" * 64))),
                *choose.choice(([], [_bits()])),
            ]
        )
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=choose.choice((0, 1, 3000))))
            .not_valid_after(now + timedelta(days=choose.choice((1, 3000))))
            .add_extension(
                x509.KeyUsage(
                    *(True, False, False, False, False, False, False, False, False),
                ),
                critical=True,
            )
        )
        for oid, data in dict(choose.sample(_ODD_EXTENSIONS, choose.randint(0, 3))).items():
            builder = builder.add_extension(
                x509.UnrecognizedExtension(oid, data), critical=choose.random() < 0.3
            )
        made = builder.sign(key, SHA256())
        if choose.random() < 0.3:
            return self._cut(made.public_bytes(choose.choice((Encoding.DER, Encoding.PEM))))
        return made.public_bytes(Encoding.PEM)

    def _list(self, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
        choose = self.choose
        now = datetime.now(UTC)
        named = choose.choice((issuer.subject, x509.Name([_bits()])))
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(named)
            .last_update(now - timedelta(hours=1))
            .next_update(now + timedelta(days=1))
        )
        for oid, data in dict(choose.sample(_ODD_EXTENSIONS, choose.randint(0, 2))).items():
            builder = builder.add_extension(
                x509.UnrecognizedExtension(oid, data), critical=choose.random() < 0.3
            )
        made = builder.sign(key, SHA256()).public_bytes(choose.choice((Encoding.DER, Encoding.PEM)))
        return self._cut(made) if choose.random() < 0.4 else made


def framed(thrown: Thrown, *, channel: int, frame_bytes: int) -> bytes:
    """The frames of a publish, with properties that no driver would write."""
    method = b"".join(
        (
            frames.METHOD.pack(frames.PUBLISH),
            b"\0\0",
            _short(thrown.exchange.encode()),
            _short(thrown.key.encode()),
            b"\0",
        )
    )
    header = struct.pack(">HHQ", 60, 0, len(thrown.body)) + thrown.properties
    most = frame_bytes - 8
    bodies = [thrown.body[at : at + most] for at in range(0, len(thrown.body), most)]
    payloads = [(1, method), (2, header), *((3, part) for part in bodies)]
    return b"".join(
        frames.HEAD.pack(kind, channel, len(payload)) + payload + b"\xce"
        for kind, payload in payloads
    )


def _put(path: Path, data: bytes, choose: random.Random) -> None:
    """Mostly a file; now and then what only looks like one."""
    match choose.randrange(12):
        case 0:
            path.mkdir(exist_ok=True)
        case 1:
            path.symlink_to(choose.choice((path.name, "/dev/zero", "/nowhere")))
        case 2:
            os.mkfifo(path)
        case 3:
            path.write_bytes(data)
            path.chmod(0)
        case _:
            path.write_bytes(data)


def _short(data: bytes) -> bytes:
    return bytes((min(len(data), 255),)) + data[:255]


def _bits() -> x509.NameAttribute[bytes]:
    return x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\0\1\2", _type=_ASN1Type.BitString)


def _sequence(*parts: bytes) -> bytes:
    data = b"".join(parts)
    return b"\x30" + bytes((len(data),)) + data


_OCSP = bytes.fromhex("06082b06010505073001")
_NAMES: Sequence[bytes] = (
    b"\xa3\x02\x30\x00",  # x400Address
    b"\xa5\x04\xa1\x02\x0c\x00",  # ediPartyName
    b"\x87\x03\x01\x02\x03",  # an address of three bytes
    b"\x86\x04\xff\xfe\xfd\xfc",  # a URI that is no text
    b"\x86\x13http://[::1:80/a.crl",  # one that is no URI
    b"\x88\x01\x80",  # a number that is cut off
    b"\xa4\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x2d\x03\x04\x00\x01\x02\x03",  # BIT STRING
)
_ODD_EXTENSIONS: Sequence[tuple[x509.ObjectIdentifier, bytes]] = tuple(
    each
    for name in _NAMES
    for each in (
        (ExtensionOID.AUTHORITY_INFORMATION_ACCESS, _sequence(_sequence(_OCSP, name))),
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, _sequence(name)),
        (
            ExtensionOID.CRL_DISTRIBUTION_POINTS,
            _sequence(
                _sequence(b"\xa0" + bytes((len(name) + 2,)), b"\xa0" + bytes((len(name),)), name)
            ),
        ),
    )
)

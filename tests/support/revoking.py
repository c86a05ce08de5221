"""An authority that revokes: lists and answers of every shape, and a server that gives them out."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.support.certificates import NOW, Issuer

A_DAY = timedelta(days=1)
AN_HOUR = timedelta(hours=1)


def names_sources(
    *, crl: str | None = None, responder: str | None = None
) -> list[x509.ExtensionType]:
    """The extensions by which a certificate says who tells that it is revoked."""
    found: list[x509.ExtensionType] = []
    if crl is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        found.append(x509.CRLDistributionPoints([point]))
    if responder is not None:
        where = x509.UniformResourceIdentifier(responder)
        found.append(
            x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)]
            )
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a list."""

    certificate: x509.Certificate
    at: datetime
    reason: x509.ReasonFlags | None = None
    invalid_since: datetime | None = None
    critical: x509.ExtensionType | None = None


def a_list(
    issuer: Issuer,
    *entries: Entry,
    said_at: datetime = NOW - AN_HOUR,
    until: datetime = NOW + A_DAY,
    signed_by: Issuer | None = None,
    extension: x509.ExtensionType | None = None,
    critical: bool = True,
) -> bytes:
    """A CRL, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(said_at)
        .next_update(until)
    )
    for entry in entries:
        revoked = (
            x509.RevokedCertificateBuilder()
            .serial_number(entry.certificate.serial_number)
            .revocation_date(entry.at)
        )
        if entry.reason is not None:
            revoked = revoked.add_extension(x509.CRLReason(entry.reason), critical=False)
        if entry.invalid_since is not None:
            since = x509.InvalidityDate(entry.invalid_since)
            revoked = revoked.add_extension(since, critical=False)
        if entry.critical is not None:
            revoked = revoked.add_extension(entry.critical, critical=True)
        builder = builder.add_revoked_certificate(revoked.build())
    if extension is not None:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign((signed_by or issuer).private_key, SHA256())
    return made.public_bytes(Encoding.DER)


def an_answer(
    issuer: Issuer,
    certificate: x509.Certificate,
    *,
    revoked_at: datetime | None = None,
    reason: x509.ReasonFlags | None = None,
    unknown: bool = False,
    said_at: datetime = NOW - AN_HOUR,
    until: datetime | None = NOW + A_DAY,
    signed_by: Issuer | None = None,
    by_name: bool = False,
    nonce: bytes | None = None,
    hashed: HashAlgorithm | None = None,
    critical: x509.ExtensionType | None = None,
    along: Sequence[x509.Certificate] = (),
) -> bytes:
    """An OCSP response, DER.

    Args:
        signed_by: A responder other than the authority; its certificate goes along.
        by_name: The signer is called by its name, and not by its key.
        along: More certificates that go along, before that of the responder.
    """
    status = ocsp.OCSPCertStatus.GOOD if revoked_at is None else ocsp.OCSPCertStatus.REVOKED
    signer = signed_by or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=issuer.certificate,
            algorithm=hashed or SHA1(),  # noqa: S303
            cert_status=ocsp.OCSPCertStatus.UNKNOWN if unknown else status,
            this_update=said_at,
            next_update=until,
            revocation_time=revoked_at,
            revocation_reason=reason,
        )
        .responder_id(
            ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH,
            signer.certificate,
        )
    )
    if signed_by is not None:
        builder = builder.certificates([*along, signed_by.certificate])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    if critical is not None:
        builder = builder.add_extension(critical, critical=True)
    return builder.sign(signer.private_key, SHA256()).public_bytes(Encoding.DER)


Mood = Literal["answers", "hangs", "drips", "fails", "floods"]


@dataclass(kw_only=True)
class Server:
    """A server of lists and answers on loopback.

    Attributes:
        mood: How it behaves to who asks next.
        files: What it gives for a path.
        responder: Who answers OCSP questions posted to `/ocsp`.
    """

    port: int = 0
    mood: Mood = "answers"
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    issuer: Issuer | None = None
    revoked: dict[int, tuple[datetime, x509.ReasonFlags]] = field(default_factory=dict)
    known: Sequence[x509.Certificate] = ()
    clock: Callable[[], datetime] = lambda: NOW
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        """Where a path of it is found."""
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, asked: bytes) -> bytes:
        """The signed answer to an OCSP question."""
        now, request = self.clock(), ocsp.load_der_ocsp_request(asked)
        assert self.issuer is not None
        certificate = next(c for c in self.known if c.serial_number == request.serial_number)
        at, reason = self.revoked.get(request.serial_number, (None, None))
        nonce = request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        return an_answer(
            self.issuer,
            certificate,
            revoked_at=at,
            reason=reason,
            said_at=now - timedelta(minutes=1),
            until=now + A_DAY,
            nonce=nonce,
        )


class _Handler(BaseHTTPRequestHandler):
    """Answers as the mood of its server says."""

    behind: Server

    def do_GET(self) -> None:
        self._answer(lambda: self.behind.files.get(self.path))

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(lambda: self.behind.answer(asked))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: Callable[[], bytes | None]) -> None:
        self.behind.asked.append(self.path)
        match self.behind.mood:
            case "answers":
                found = body()
                self.send_response(404 if found is None else 200)
                self.end_headers()
                self.wfile.write(found or b"")
            case "fails":
                self.send_error(503)
            case "hangs":
                self.behind.closing.wait(60)
            case "drips":
                self._go_on(b"x", every=0.05)
            case "floods":
                self._go_on(bytes(1024 * 1024), every=0)

    def _go_on(self, piece: bytes, *, every: float) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while not self.behind.closing.wait(every):
                self.wfile.write(piece)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs until the exit."""
    server = Server()
    handler = type("Handler", (_Handler,), {"behind": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            http.shutdown()
            thread.join()

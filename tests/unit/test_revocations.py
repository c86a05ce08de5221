"""Revocations: real lists and answers from a real server, and what becomes of both."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.algorithm import Algorithm
from bus.core.events import Event
from bus.core.key_events import (
    CertificateRevoked,
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceLost,
    RevocationSourceReturned,
)
from bus.core.keyring import KeyRing, thumbprint_of
from bus.core.revocation.statement import RevocationReason
from bus.keys.revocation_fetch import HttpRevocationFetcher
from bus.keys.revocation_store import FolderRevocationStore
from bus.keys.ring import load_ring
from bus.services.revocations import Revocations
from tests.faults.axis import eventually
from tests.support.certificates import NOW, OTHER, OWNER, Issuer, below, key_for, leaf, pem, root
from tests.support.revoking import (
    A_DAY,
    AN_HOUR,
    Entry,
    Mood,
    Server,
    a_list,
    names_sources,
    serving,
)

GRACE = timedelta(days=3)
PATIENT, IMPATIENT = timedelta(seconds=20), timedelta(seconds=0.4)
"""A busy machine must not look like a source that is away, and that one must not take long."""
Happened = TypeVar("Happened")


@dataclass(kw_only=True)
class Home:
    """A key folder with two agencies, and the watch over their certificates.

    One names the list of the authority, the other its responder.
    """

    folder: Path
    server: Server
    issuer: Issuer = field(default_factory=root)
    now: datetime = NOW
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner = leaf(
            self.issuer,
            key_for(Algorithm.ES256).public_key(),
            extensions=names_sources(crl=self.server.url("/a.crl")),
        )
        self.other = leaf(
            self.issuer,
            key_for(Algorithm.EDDSA).public_key(),
            extensions=names_sources(responder=self.server.url("/ocsp")),
        )
        self.server.issuer, self.server.known = self.issuer, (self.other,)
        self.server.clock = lambda: self.now
        self.file("authorities/root.pem", self.issuer.pem)
        self.file(f"agencies/{OWNER}/one.pem", pem(self.owner))
        self.file(f"agencies/{OTHER}/one.pem", pem(self.other))
        self.publish()
        self.begin()

    def file(self, path: str, data: bytes) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def publish(self, *entries: Entry, said_at: datetime | None = None) -> None:
        """Make the newest list of the authority."""
        said_at = said_at or self.now - timedelta(minutes=1)
        self.server.files["/a.crl"] = a_list(
            self.issuer, *entries, said_at=said_at, until=said_at + A_DAY
        )

    def begin(self) -> None:
        """Start anew, as a process does that knows only what is on the disk."""
        self.watch = Revocations(
            fetcher=_fetcher(PATIENT),
            store=FolderRevocationStore(self.folder),
            every=timedelta(seconds=30),
            grace=GRACE,
            nonce=lambda: b"n" * 32,
            clock=lambda: self.now,
            observe=self.events.append,
        )

    async def round(self, mood: Mood | None = None, *, after: timedelta = timedelta()) -> None:
        """Ask everybody once."""
        self.server.mood = mood or self.server.mood
        self.watch.fetcher = _fetcher(PATIENT if self.server.mood == "answers" else IMPATIENT)
        self.now += after
        await self.watch.ask_all()

    @property
    def ring(self) -> KeyRing:
        return load_ring(self.folder)

    def of_type(self, kind: type[Happened]) -> list[Happened]:
        return [event for event in self.events if isinstance(event, kind)]


def _fetcher(deadline: timedelta) -> HttpRevocationFetcher:
    return HttpRevocationFetcher(deadline=deadline, most_list_bytes=100_000)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with serving() as server:
        yield Home(folder=tmp_path, server=server)


async def test_what_a_list_and_a_responder_revoke_is_known_at_once_and_after_a_restart(
    home: Home,
) -> None:
    await home.round()
    assert home.ring.revocation_of(thumbprint_of(home.owner)) is None
    assert home.of_type(CertificateRevoked) == []

    home.publish(Entry(certificate=home.owner, at=NOW, reason=x509.ReasonFlags.superseded))
    home.server.revoked[home.other.serial_number] = (NOW, x509.ReasonFlags.key_compromise)
    await home.round(after=AN_HOUR)

    first = home.ring.revocation_of(thumbprint_of(home.owner))
    second = home.ring.revocation_of(thumbprint_of(home.other))
    assert first is not None
    assert (first.at, first.reason) == (NOW, RevocationReason.SUPERSEDED)
    assert first.stated_in == f"crl {home.server.url('/a.crl')}"
    assert second is not None
    assert second.reason is RevocationReason.KEY_COMPROMISE
    assert {event.subject for event in home.of_type(CertificateRevoked)} == {"CN=Test agency"}
    assert len(home.of_type(CertificateRevoked)) == 2

    home.begin()
    await home.round("fails")
    assert home.ring.revocation_of(thumbprint_of(home.owner)) == first
    assert len(home.of_type(CertificateRevoked)) == 2


async def test_who_says_that_a_certificate_is_good_is_known_with_the_date(home: Home) -> None:
    await home.round()

    assurance = home.ring.assurance_of(thumbprint_of(home.other))

    assert assurance is not None
    assert assurance.stated_in == f"ocsp {home.server.url('/ocsp')}"
    assert assurance.stated_at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("mood", ["hangs", "drips", "fails", "floods"])
async def test_a_source_that_is_away_is_told_once_at_the_start_and_once_at_the_end(
    home: Home, mood: Mood
) -> None:
    """Bad day 17: hangs, drips bytes without an end, refuses, or sends more than anybody asked."""
    home.publish(Entry(certificate=home.owner, at=NOW))
    await home.round()
    known = home.ring.revocation_of(thumbprint_of(home.owner))

    async with asyncio.timeout(15):
        await home.round(mood, after=AN_HOUR)
        await home.round(mood, after=AN_HOUR)
    assert home.ring.revocation_of(thumbprint_of(home.owner)) == known
    assert len(home.of_type(RevocationSourceLost)) == 2
    home.publish(Entry(certificate=home.owner, at=NOW))
    await home.round("answers", after=AN_HOUR)

    assert [event.away for event in home.of_type(RevocationSourceReturned)] == [2 * AN_HOUR] * 2
    assert {event.problem.code for event in home.of_type(RevocationSourceLost)} == {
        "E_REVOCATION_SOURCE"
    }
    assert len(home.of_type(RevocationSourceLost)) == 2
    asked = [event.answered_at for event in home.of_type(RevocationSourceAsked)]
    assert asked == [NOW] * 6 + [NOW + 3 * AN_HOUR] * 2


async def test_after_the_grace_there_is_one_louder_alarm_and_the_last_answer_still_counts(
    home: Home,
) -> None:
    home.publish(Entry(certificate=home.owner, at=NOW))
    await home.round()
    await home.round("fails", after=AN_HOUR)
    assert home.of_type(RevocationGraceEnded) == []

    await home.round(after=GRACE)
    await home.round(after=A_DAY)

    assert len(home.of_type(RevocationGraceEnded)) == 2
    assert {event.answered_at for event in home.of_type(RevocationGraceEnded)} == {NOW}
    assert home.ring.revocation_of(thumbprint_of(home.owner)) is not None
    assert home.ring.revocation_of(thumbprint_of(home.other)) is None


async def test_an_old_list_that_somebody_plays_again_takes_no_revocation_back(home: Home) -> None:
    old = home.server.files["/a.crl"]
    home.publish(
        Entry(certificate=home.owner, at=NOW, reason=x509.ReasonFlags.certificate_hold),
        said_at=NOW,
    )
    await home.round()
    home.server.files["/a.crl"] = old
    await home.round(after=AN_HOUR)

    assert home.ring.revocation_of(thumbprint_of(home.owner)) is not None


async def test_a_certificate_on_hold_may_come_back_and_a_revoked_one_may_not(home: Home) -> None:
    for reason, comes_back in (
        (x509.ReasonFlags.certificate_hold, True),
        (x509.ReasonFlags.superseded, False),
    ):
        home.publish(Entry(certificate=home.owner, at=NOW, reason=reason))
        await home.round(after=AN_HOUR)
        home.publish()
        await home.round(after=AN_HOUR)

        back = home.ring.revocation_of(thumbprint_of(home.owner)) is None
        assert back is comes_back


async def test_a_list_that_an_operator_filed_counts_like_a_fetched_one(home: Home) -> None:
    entry = Entry(certificate=home.other, at=NOW)
    made = x509.load_der_x509_crl(a_list(home.issuer, entry)).public_bytes(Encoding.PEM)
    home.file("crl/by-hand.pem", made)
    home.file("crl/strange.crl", b"no list")
    await home.round()

    revocation = home.ring.revocation_of(thumbprint_of(home.other))
    assert revocation is not None
    assert revocation.stated_in == "crl by-hand.pem"
    [lost] = home.of_type(RevocationSourceLost)
    assert lost.source == "crl strange.crl"


async def test_when_an_intermediate_authority_is_revoked_so_is_what_it_issued(home: Home) -> None:
    middle = below(home.issuer)
    agency = leaf(middle, key_for(Algorithm.PS256).public_key())
    home.file("agencies/H41/one.pem", pem(agency, middle.certificate))
    entry = Entry(certificate=middle.certificate, at=NOW, reason=x509.ReasonFlags.ca_compromise)
    home.file("crl/root.crl", a_list(home.issuer, entry))
    await home.round()

    revocation = home.ring.revocation_of(thumbprint_of(agency))
    assert revocation is not None
    assert revocation.thumbprint == thumbprint_of(middle.certificate)


async def test_a_key_folder_that_cannot_be_written_is_told_and_mended(home: Home) -> None:
    await home.round()
    known = home.folder / "revocation.json"
    known.rename(home.folder / "elsewhere.json")
    known.mkdir()
    await home.round(after=AN_HOUR)
    [lost] = home.of_type(RevocationSourceLost)
    assert (lost.source, lost.problem.code) == ("the key folder", "E_KEYS")

    known.rmdir()
    await home.round(after=AN_HOUR)
    # It was written well in this round; the next one finds nothing wrong.
    await home.round(after=AN_HOUR)

    assert [event.source for event in home.of_type(RevocationSourceReturned)] == ["the key folder"]


async def test_a_filed_list_is_looked_at_without_waiting_for_the_next_round(home: Home) -> None:
    running = asyncio.create_task(home.watch.run())
    await eventually(lambda: len(home.of_type(RevocationSourceAsked)) == 2)

    home.file("crl/a.crl", a_list(home.issuer, Entry(certificate=home.other, at=NOW)))

    await eventually(lambda: home.ring.revocation_of(thumbprint_of(home.other)))
    running.cancel()

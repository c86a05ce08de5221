"""Endpoint conformance: the promises of `adapters.contract.Endpoint`, as tests to inherit.

    class TestMyEndpoint(EndpointConformance):
        def agency(self, folder: Path) -> Agency:
            return MyAgency(folder)

The agency is a small driver that does what the agency's own system would do.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from adapters.contract import Endpoint, Parcel, ParcelKind, Submission
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, DocumentError, Place, Problem

_DEADLINE_SECONDS = 10.0
_LOOK_SECONDS = 0.01
_REFUSED = Problem(code="E_MISSING_ID", place=Place(line=3, field="document_id"))
_NOTICE = Problem(code="E_UNKNOWN_RECEIVER", params={"code": "Y99"})

Result = TypeVar("Result")


class Agency(Protocol):
    """What the agency's own system does, and sees."""

    def endpoint(self) -> Endpoint:
        """The endpoint of a process that has just started; each call is a restart."""

    def drop(self, name: str, content: bytes) -> None:
        """Give a complete file to be sent; one of the same name is replaced."""

    def dropping(self, name: str, content: bytes) -> AbstractContextManager[None]:
        """Be half-way through giving a file, until the exit completes it."""

    def take_back(self, name: str) -> None:
        """Change one's mind: the file shall not be sent."""

    def told(self) -> Mapping[str, Sequence[str]]:
        """The codes of the problems one was told of, by file name."""

    def away(self) -> AbstractContextManager[None]:
        """Be out of reach until the exit; what was dropped and has arrived stays."""

    def take(self, kind: ParcelKind) -> Mapping[str, bytes]:
        """Take everything that has arrived away, by name; notes aside."""

    def take_notes(self, kind: ParcelKind) -> Mapping[str, bytes]:
        """Take the notes about what has arrived away, by the name of their parcel."""


class EndpointConformance:
    """Inherit under a name that begins with `Test`, and say what the agency is."""

    def agency(self, folder: Path) -> Agency:
        """An agency that has done nothing yet; it may use the empty folder."""
        raise NotImplementedError

    def test_a_complete_file_is_offered_and_can_be_read(self) -> None:
        """With its name and size; the stream is seekable."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            agency.drop("letter.edxml", b"content")
            (submission,) = _offered(endpoint, 1)
            _promised((submission.name, submission.size) == ("letter.edxml", 7), "name and size")
            with endpoint.open(submission) as file:
                first = file.read()
                file.seek(0)
                _promised(first == file.read() == b"content", "it opens the file, seekable")

    def test_files_are_offered_oldest_first(self) -> None:
        """However they are named."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            for name in ("c", "a", "b"):
                agency.drop(name, b"content")
                time.sleep(_LOOK_SECONDS)
            names = [submission.name for submission in _offered(endpoint, 3)]
            _promised(names == ["c", "a", "b"], "oldest first")

    def test_a_file_is_not_offered_while_it_is_being_written(self) -> None:
        """Nor does it hold up the others."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            with agency.dropping("half", b"half and half"):
                agency.drop("whole", b"content")
                names = {submission.name for submission in _offered(endpoint, 1)}
                _promised(names == {"whole"}, "never a file that is still being written")
            sizes = {submission.name: submission.size for submission in _offered(endpoint, 2)}
            _promised(sizes["half"] == 13, "it is offered when it is complete")

    def test_a_file_is_offered_until_it_is_accepted(self) -> None:
        """Across restarts, and under the same version."""
        with self._agency() as agency:
            agency.drop("letter", b"content")
            (first,) = _offered(agency.endpoint(), 1)
            (again,) = _offered(agency.endpoint(), 1)
            _promised(first == again, "the same file has the same version")
            endpoint = agency.endpoint()
            asyncio.run(endpoint.accept(_offered(endpoint, 1)[0]))
            _promised(not _look(endpoint), "an accepted file is not offered again")
            _promised(not _look(agency.endpoint()), "nor after a restart")
            _promised(not agency.told(), "and there is nothing to tell")

    def test_a_refused_file_is_told_with_its_reasons(self) -> None:
        """And is not offered again."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            agency.drop("letter", b"content")
            asyncio.run(endpoint.refuse(_offered(endpoint, 1)[0], [_REFUSED, _NOTICE]))
            codes = agency.told().get("letter")
            _promised(codes == [_REFUSED.code, _NOTICE.code], "the agency is told why")
            _promised(not _look(endpoint), "a refused file is not offered again")

    def test_refused_receivers_of_an_accepted_file_are_told(self) -> None:
        """Although the file was sent."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            agency.drop("letter", b"content")
            asyncio.run(endpoint.accept(_offered(endpoint, 1)[0], notices=[_NOTICE]))
            _promised(agency.told().get("letter") == [_NOTICE.code], "notices are told")
            _promised(not _look(endpoint), "an accepted file is not offered again")

    def test_a_file_may_be_taken_back(self) -> None:
        """Whatever is then said of it harms nobody."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            agency.drop("letter", b"content")
            (submission,) = _offered(endpoint, 1)
            agency.take_back("letter")
            _promised(not _opens(endpoint, submission), "open says that it is gone")
            asyncio.run(endpoint.accept(submission))
            asyncio.run(endpoint.refuse(submission, [_REFUSED]))
            _promised(not _look(endpoint), "it is not offered")

    def test_a_file_may_be_replaced(self) -> None:
        """What is said of the first is not taken for the second."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            agency.drop("letter", b"first")
            (first,) = _offered(endpoint, 1)
            agency.drop("letter", b"second content")
            _promised(not _opens(endpoint, first), "open never opens another file")
            asyncio.run(endpoint.accept(first))
            (second,) = _offered(endpoint, 1)
            _promised(second.version != first.version, "another file has another version")
            with endpoint.open(second) as file:
                _promised(file.read() == b"second content", "the second is still there")

    def test_a_name_may_be_used_again(self) -> None:
        """Systems that always write to the same name lose nothing."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            for content in (b"first", b"second"):
                agency.drop("letter", content)
                (submission,) = _offered(endpoint, 1)
                with endpoint.open(submission) as file:
                    _promised(file.read() == content, "each file is offered")
                asyncio.run(endpoint.accept(submission))
            _promised(not _look(endpoint), "and accepted")

    def test_a_parcel_is_handed_over_as_it_is(self) -> None:
        """Under its name, in the place of its kind."""
        for kind in ParcelKind:
            with self._agency() as agency:
                asyncio.run(agency.endpoint().offer(_parcel("d1", b"one", b"two", kind=kind)))
                _promised(agency.take(kind) == {"d1.edxml": b"onetwo"}, "name and content")
                _promised(not any(map(agency.take, ParcelKind)), "and nothing else")

    def test_a_delivery_is_handed_over_once(self) -> None:
        """Also when it was taken away in between, and across restarts."""
        with self._agency() as agency:
            for endpoint in (agency.endpoint(), agency.endpoint()):
                asyncio.run(endpoint.offer(_parcel("d1", b"content")))
                asyncio.run(endpoint.offer(_parcel("d1", b"content")))
            _promised(len(agency.take(ParcelKind.DOCUMENT)) == 1, "once")
            asyncio.run(agency.endpoint().offer(_parcel("d1", b"content")))
            _promised(not agency.take(ParcelKind.DOCUMENT), "nor after it was taken")

    def test_a_note_arrives_with_its_parcel(self) -> None:
        """And before it: whoever sees a parcel has its note at hand."""
        with self._agency() as agency:
            noted = replace(_parcel("d1", b"content"), note=b'{"note": 1}')
            for endpoint in (agency.endpoint(), agency.endpoint()):
                asyncio.run(endpoint.offer(noted))
            asyncio.run(agency.endpoint().offer(_parcel("d2", b"content")))
            notes = agency.take_notes(ParcelKind.DOCUMENT)
            _promised(notes == {"d1.edxml": b'{"note": 1}'}, "one note, as it is")
            arrived = agency.take(ParcelKind.DOCUMENT).keys()
            _promised(arrived == {"d1.edxml", "d2.edxml"}, "beside the parcels")

    def test_notes_of_parcels_with_one_name_are_told_apart(self) -> None:
        """Also when the first was taken away without its note."""
        with self._agency() as agency:
            arrived: dict[str, bytes] = {}
            for delivery in ("d1", "d2", "d3"):
                content = delivery.encode()
                parcel = _parcel(delivery, content, name="same.edxml")
                asyncio.run(agency.endpoint().offer(replace(parcel, note=b"of " + content)))
                if delivery == "d1":
                    arrived |= agency.take(ParcelKind.DOCUMENT)
            notes = agency.take_notes(ParcelKind.DOCUMENT)
            arrived |= agency.take(ParcelKind.DOCUMENT)
            expected = {name: b"of " + content for name, content in arrived.items()}
            _promised(len(arrived) == 3, "no name is given twice")
            _promised(notes == expected, "each parcel has its own note")

    def test_forgetting_is_harmless(self) -> None:
        """Twice, and what was never handed over."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            asyncio.run(endpoint.offer(_parcel("d1", b"content")))
            for delivery in ("d1", "d1", "never"):
                asyncio.run(endpoint.forget(DeliveryId(delivery)))
            _promised(len(agency.take(ParcelKind.DOCUMENT)) == 1, "the parcel stays")

    def test_a_system_that_is_away_says_so(self) -> None:
        """To a hand-over and to a probe alike; once it is back, both succeed."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            asyncio.run(_probe(endpoint))
            with agency.away():
                codes = [_refusal(_probe(endpoint))]
                sending = _refusal(_probe(endpoint, sending=True))
                _promised(sending == "E_OUTBOX_DOWN", "nothing can be sent")
                codes.append(_refusal(endpoint.offer(_parcel("d1", b"content"))))
                _promised(codes == ["E_ENDPOINT_DOWN"] * 2, "it is down")
            asyncio.run(_probe(endpoint))
            asyncio.run(_probe(endpoint, sending=True))
            _promised(not any(map(agency.take, ParcelKind)), "a probe hands nothing over")
            _promised(not _look(endpoint), "and gives nothing to be sent")
            asyncio.run(endpoint.offer(_parcel("d1", b"content")))
            _promised(len(agency.take(ParcelKind.DOCUMENT)) == 1, "and goes on when it is back")

    def test_nothing_is_seen_before_it_is_whole(self) -> None:
        """While its content is produced, and when that fails."""
        with self._agency() as agency:
            endpoint = agency.endpoint()
            seen: list[Mapping[str, bytes]] = []

            def failing() -> Iterator[bytes]:
                yield bytes(1_000_000)
                seen.append(agency.take(ParcelKind.DOCUMENT))
                raise DocumentError.of("E_ATTACHMENT_ABSENT", name="file.pdf", sha256="0" * 64)

            code = _refusal(endpoint.offer(_parcel("d1", chunks=failing())))
            _promised(code == "E_ATTACHMENT_ABSENT", "the problem of the content passes")
            seen.append(agency.take(ParcelKind.DOCUMENT))
            _promised(not any(seen), "all or nothing")
            asyncio.run(endpoint.offer(_parcel("d1", b"content")))
            handed = agency.take(ParcelKind.DOCUMENT)
            _promised(handed == {"d1.edxml": b"content"}, "and it may be tried again")

    def test_many_parcels_at_once_all_arrive(self) -> None:
        """Also when they have the same name."""

        async def hand_over(endpoint: Endpoint) -> None:
            parcels = [_parcel(f"d{n}", b"%d" % n, name="same.edxml") for n in range(40)]
            await asyncio.gather(*map(endpoint.offer, parcels))

        with self._agency() as agency:
            asyncio.run(hand_over(agency.endpoint()))
            arrived = agency.take(ParcelKind.DOCUMENT).values()
            _promised(sorted(arrived) == sorted(b"%d" % n for n in range(40)), "nothing is lost")

    def test_the_same_delivery_many_times_at_once_arrives_once(self) -> None:
        """Leases may run out while a slow hand-over is still under way."""

        async def hand_over(endpoint: Endpoint) -> None:
            await asyncio.gather(
                *(endpoint.offer(_parcel("d1", b"x" * 100_000)) for _ in range(20))
            )

        with self._agency() as agency:
            asyncio.run(hand_over(agency.endpoint()))
            arrived = list(agency.take(ParcelKind.DOCUMENT).values())
            _promised(arrived == [b"x" * 100_000], "once, and whole")

    @contextmanager
    def _agency(self) -> Iterator[Agency]:
        with TemporaryDirectory(prefix="conformance-") as folder:
            yield self.agency(Path(folder))


def _promised(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"not kept: {promise}")


def _look(endpoint: Endpoint) -> Sequence[Submission]:
    return asyncio.run(_submissions(endpoint))


async def _submissions(endpoint: Endpoint) -> Sequence[Submission]:
    return await endpoint.submissions()


async def _probe(endpoint: Endpoint, *, sending: bool = False) -> None:
    await endpoint.probe(sending=sending)


def _offered(endpoint: Endpoint, count: int) -> Sequence[Submission]:
    """Look until so many files are offered."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while len(offered := _look(endpoint)) < count:
        _promised(time.monotonic() < deadline, f"{count} complete files are offered")
        time.sleep(_LOOK_SECONDS)
    return offered


def _opens(endpoint: Endpoint, submission: Submission) -> bool:
    try:
        endpoint.open(submission).close()
    except FileNotFoundError:
        return False
    return True


def _refusal(work: Awaitable[object]) -> str | None:
    """The code of the refusal; None when there was none."""

    async def wait() -> None:
        await work

    try:
        asyncio.run(wait())
    except AxisError as error:
        return error.problem.code
    return None


def _parcel(
    delivery: str,
    *content: bytes,
    kind: ParcelKind = ParcelKind.DOCUMENT,
    name: str | None = None,
    chunks: Iterator[bytes] | None = None,
) -> Parcel:
    return Parcel(
        delivery_id=DeliveryId(delivery),
        kind=kind,
        name=name or f"{delivery}.edxml",
        chunks=chunks or content,
    )

"""Offer conformance: what an endpoint promises about deliveries for the agency's system."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from adapters.conformance import promised
from adapters.conformance.bench import (
    AnsweringAgency,
    Arrived,
    Bench,
    OnBench,
    RefusingAgency,
    code_of,
    on_bench,
)
from adapters.contract import Offer, ParcelKind
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError

_REFUSAL = "E_ENDPOINT_REFUSED"
_DOWN = "E_ENDPOINT_DOWN"


class OfferPromises(OnBench):
    """Offers of all endpoints; then those whose system answers later or refuses."""

    @on_bench
    async def test_a_parcel_arrives_as_it_is(self, bench: Bench) -> None:
        """Under its name, in the place of its kind."""
        for kind in ParcelKind:
            delivery = f"of-{kind}"
            await bench.offer(delivery, b"one", b"two", kind=kind)
            expected = [Arrived(name=f"{delivery}.edxml", content=b"onetwo")]
            promised(list(bench.agency.take(kind)) == expected, "name and content")
            promised(bench.nothing_arrived(), "and nothing else")

    @on_bench
    async def test_a_delivery_arrives_once(self, bench: Bench) -> None:
        """Also when it was taken away in between, and across restarts."""
        for _ in range(2):
            await bench.offer("d1", b"content")
            await bench.offer("d1", b"content")
            bench.crash()
        promised(len(bench.contents()) == 1, "once")
        await bench.offer("d1", b"content")
        promised(bench.nothing_arrived(), "nor after it was taken")

    @on_bench
    async def test_what_is_offered_is_answered_as_declared(self, bench: Bench) -> None:
        """At once and when the offer is repeated, also by another process."""
        offers = [await bench.offer("d1", b"content"), await bench.offer("d1", b"content")]
        bench.crash()
        offers.append(await bench.offer("d1", b"content"))
        promised(offers == [self.answer] * 3, f"each offer is {self.answer}")
        promised(not await bench.answers(), "nobody has answered a pending offer")

    @on_bench
    async def test_a_forgotten_delivery_may_be_offered_again(self, bench: Bench) -> None:
        """An operator may order it again after a refusal; then it arrives again."""
        await bench.offer("d1", b"content")
        bench.agency.take(ParcelKind.DOCUMENT)
        await bench.endpoint.forget(DeliveryId("d1"))
        promised(await bench.offer("d1", b"content") is self.answer, "it is offered anew")
        promised(bench.contents() == [b"content"], "it arrives again")

    @on_bench
    async def test_a_note_arrives_with_its_parcel(self, bench: Bench) -> None:
        """One note, however often the parcel is offered."""
        for _ in range(2):
            await bench.offer("d1", b"content", note=b'{"note": 1}')
            bench.crash()
        await bench.offer("d2", b"content")
        notes = {each.name: each.note for each in bench.agency.take(ParcelKind.DOCUMENT)}
        promised(notes == {"d1.edxml": b'{"note": 1}', "d2.edxml": None}, "each has its own note")

    @on_bench
    async def test_parcels_with_one_name_are_told_apart(self, bench: Bench) -> None:
        """Each has its content and its note, also when the first was taken before."""
        arrived: list[Arrived] = []
        for delivery in ("d1", "d2", "d3"):
            content = delivery.encode()
            await bench.offer(delivery, content, name="same.edxml", note=b"of " + content)
            if delivery != "d2":
                arrived += bench.agency.take(ParcelKind.DOCUMENT)
        notes = {each.content: each.note for each in arrived}
        promised(notes == {c: b"of " + c for c in (b"d1", b"d2", b"d3")}, "nothing is mixed up")

    @on_bench
    async def test_forgetting_is_harmless(self, bench: Bench) -> None:
        """Twice, and of what was never offered."""
        await bench.offer("d1", b"content")
        for delivery in ("d1", "d1", "never"):
            await bench.endpoint.forget(DeliveryId(delivery))
        promised(bench.contents() == [b"content"], "the parcel stays")

    @on_bench
    async def test_a_system_that_is_away_says_so(self, bench: Bench) -> None:
        """To an offer and to a probe alike; once it is back, both succeed."""
        await bench.endpoint.probe()
        with bench.agency.away():
            sending = await code_of(bench.endpoint.probe(sending=True))
            promised(sending == "E_OUTBOX_DOWN", "nothing can be sent")
            promised(await code_of(bench.endpoint.probe()) == _DOWN, "it is down")
            promised(await code_of(bench.offer("d1", b"content")) == _DOWN, "it is down")
            promised(await code_of(bench.endpoint.answers()) in {None, _DOWN}, "or has no answer")
            forgotten = await code_of(bench.endpoint.forget(DeliveryId("d1")))
            promised(forgotten in {None, _DOWN}, "or forgets")
        await bench.endpoint.probe()
        await bench.endpoint.probe(sending=True)
        promised(bench.nothing_arrived(), "a probe offers nothing")
        promised(not await bench.endpoint.submissions(), "and submits nothing")
        await bench.offer("d1", b"content")
        promised(bench.contents() == [b"content"], "and goes on when it is back")

    @on_bench
    async def test_nothing_is_seen_before_it_is_whole(self, bench: Bench) -> None:
        """While its content is produced, and when that fails."""
        seen: list[Sequence[Arrived]] = []

        def failing() -> Iterator[bytes]:
            yield bytes(1_000_000)
            seen.append(bench.agency.take(ParcelKind.DOCUMENT))
            raise AxisError.of("E_ATTACHMENT_AWAY", name="file.pdf", sha256="0" * 64)

        code = await code_of(bench.offer("d1", chunks=failing()))
        promised(code == "E_ATTACHMENT_AWAY", "the problem of the content passes")
        promised(not any(seen) and bench.nothing_arrived(), "all or nothing")
        await bench.offer("d1", b"content")
        promised(bench.contents() == [b"content"], "and it may be tried again")

    @on_bench
    async def test_many_parcels_at_once_all_arrive(self, bench: Bench) -> None:
        """Also when they have the same name."""
        contents = [b"%d" % number for number in range(40)]
        await asyncio.gather(
            *(bench.offer(f"d{c.decode()}", c, name="same.edxml") for c in contents)
        )
        promised(bench.contents() == sorted(contents), "nothing is lost")

    @on_bench
    async def test_the_same_delivery_many_times_at_once_arrives_once(self, bench: Bench) -> None:
        """A lease may expire while a slow offer is still under way."""
        await asyncio.gather(*(bench.offer("d1", b"x" * 100_000) for _ in range(20)))
        promised(bench.contents() == [b"x" * 100_000], "once, and whole")

    @on_bench
    async def test_a_later_answer_is_given_until_it_is_forgotten(self, bench: Bench) -> None:
        """Oldest first, with its moment, also by another process and to a repeated offer."""
        if self.answer is not Offer.PENDING:
            return
        before = datetime.now(UTC) - timedelta(seconds=2)
        agency = await self._offered(bench, "d1", "d2", "d3")
        agency.answer("d2.edxml")
        agency.answer("d1.edxml", refusal="it is illegible")
        expected = [("d2", None), ("d1", _REFUSAL)]
        for _ in range(2):
            promised(await bench.answers() == expected, "every answer, oldest first")
            bench.crash()
        moments = [answer.at for answer in await bench.endpoint.answers()]
        promised(all(before <= at <= datetime.now(UTC) for at in moments), "when it was said")
        offers = [await bench.offer(delivery, b"content") for delivery in ("d2", "d1", "d3")]
        promised(offers == [Offer.COMPLETE, Offer.PENDING, Offer.PENDING], "as was answered")
        promised(bench.nothing_arrived(), "nothing arrives twice")
        await bench.endpoint.forget(DeliveryId("d2"))
        promised(await bench.answers() == expected[1:], "a forgotten answer is not given")
        await bench.endpoint.forget(DeliveryId("d1"))
        await bench.restart()
        promised(not await bench.answers(), "nor after a restart")

    @on_bench
    async def test_a_later_answer_ends_the_wait_for_a_change(self, bench: Bench) -> None:
        """Hours later, without a look in between."""
        if self.answer is not Offer.PENDING or not self.notices:
            return
        agency = await self._offered(bench, "d1")
        wait = asyncio.create_task(bench.endpoint.changed())
        await asyncio.sleep(0)
        agency.answer("d1.edxml")
        done, _ = await asyncio.wait([wait], timeout=bench.patience)
        wait.cancel()
        promised(bool(done), "the answer is noticed")

    @on_bench
    async def test_an_offer_that_is_refused_at_once_says_so(self, bench: Bench) -> None:
        """Nothing of it stays: it may be offered again."""
        if not self.refuses:
            return
        agency = cast("RefusingAgency", bench.agency)
        with agency.refusing():
            promised(await code_of(bench.offer("d1", b"content")) == _REFUSAL, "it is refused")
        promised(bench.nothing_arrived(), "nothing has arrived")
        promised(not await bench.answers(), "the refusal is not said a second time")
        promised(await bench.offer("d1", b"content") is self.answer, "it may be offered again")
        promised(bench.contents() == [b"content"], "and arrives then")

    async def _offered(self, bench: Bench, *deliveries: str) -> AnsweringAgency:
        """Offer deliveries; the agency takes them and answers later."""
        for delivery in deliveries:
            await bench.offer(delivery, b"content")
        promised(len(bench.contents()) == len(deliveries), "every parcel arrives")
        return cast("AnsweringAgency", bench.agency)

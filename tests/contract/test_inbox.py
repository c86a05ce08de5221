"""The duplicate rule by outcome, kept by memory, SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bus.core.duplicates import Rival, Standing
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery
from bus.ports import Claim, Claimed, Inbox, Offered, Unanswered
from bus.store.sql import open_store
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.offers import offer_of

NOW = datetime(2019, 3, 12, 8, tzinfo=UTC)
LEASE = timedelta(minutes=5)
RECEIPTS = (
    SignedEnvelope(body=b'{"kind":"receipt"}', signature="e30..c2ln"),
    SignedEnvelope(body=bytes(range(256)), signature="e30..b3RoZXI"),
)


@pytest.fixture(params=DATABASES)
async def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Inbox]:
    async with empty_database(request.param, tmp_path) as url, open_store(url) as store:
        yield store.inbox


def claim_of(
    content: str = "content",
    *,
    document: str = "147/UBND-VP",
    mailbox: str = "H24",
    now: datetime = NOW,
) -> Claim:
    envelope_id = sha256(f"{document} {content}".encode()).hexdigest()
    return Claim(
        delivery_id=DeliveryId(sha256(f"{envelope_id} {mailbox}".encode()).hexdigest()),
        envelope_id=EnvelopeId(envelope_id),
        mailbox=MailboxName(mailbox),
        identity=sha256(document.encode()).hexdigest(),
        lease=now + LEASE,
    )


async def standing(inbox: Inbox, claim: Claim, *, now: datetime = NOW) -> Standing:
    return (await inbox.claim(claim, now=now)).standing


async def deliver(inbox: Inbox, claim: Claim) -> None:
    assert await standing(inbox, claim) is Standing.FRESH
    await inbox.finish(claim.delivery_id, RECEIPTS, now=NOW)


async def test_a_delivery_never_seen_is_fresh(inbox: Inbox) -> None:
    assert await inbox.claim(claim_of(), now=NOW) == Claimed(standing=Standing.FRESH)


async def test_a_delivery_in_work_is_left_alone(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)

    assert await standing(inbox, claim_of()) is Standing.IN_PROGRESS


async def test_a_delivery_whose_lease_ran_out_is_fresh_again(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)
    late = NOW + LEASE

    assert await standing(inbox, claim_of(now=late), now=late) is Standing.FRESH
    assert await standing(inbox, claim_of(now=late), now=late) is Standing.IN_PROGRESS


async def test_a_released_delivery_is_fresh_again(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)

    await inbox.release(claim_of().delivery_id)

    assert await standing(inbox, claim_of()) is Standing.FRESH
    assert await standing(inbox, claim_of()) is Standing.IN_PROGRESS


async def test_a_worker_that_starts_takes_back_the_leases_of_its_mailboxes_only(
    inbox: Inbox,
) -> None:
    ours, theirs, done = claim_of(), claim_of(mailbox="G22"), claim_of(document="148/UBND-VP")
    await inbox.claim(ours, now=NOW)
    await inbox.claim(theirs, now=NOW)
    await deliver(inbox, done)

    await inbox.reclaim([MailboxName("H24"), MailboxName("H26")])

    assert await standing(inbox, ours) is Standing.FRESH
    assert await standing(inbox, theirs) is Standing.IN_PROGRESS
    assert await standing(inbox, done) is Standing.DONE


async def test_a_done_delivery_is_answered_with_its_first_receipts_byte_for_byte(
    inbox: Inbox,
) -> None:
    await deliver(inbox, claim_of())
    a_day_later = NOW + timedelta(days=1)

    answer = await inbox.claim(claim_of(now=a_day_later), now=a_day_later)

    assert answer == Claimed(standing=Standing.DONE, receipts=RECEIPTS)


async def test_a_delivery_may_be_done_without_receipts(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)

    await inbox.finish(claim_of().delivery_id, (), now=NOW)

    assert await inbox.claim(claim_of(), now=NOW) == Claimed(standing=Standing.DONE)


async def test_of_two_finishes_the_first_receipts_count(inbox: Inbox) -> None:
    await deliver(inbox, claim_of())

    await inbox.finish(claim_of().delivery_id, RECEIPTS[:1], now=NOW)

    assert (await inbox.claim(claim_of(), now=NOW)).receipts == RECEIPTS


async def test_two_finishes_at_once_leave_the_receipts_of_one(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)

    await asyncio.gather(
        inbox.finish(claim_of().delivery_id, RECEIPTS[:1], now=NOW),
        inbox.finish(claim_of().delivery_id, RECEIPTS[1:], now=NOW),
    )

    answer = await inbox.claim(claim_of(), now=NOW)
    assert answer.receipts in {RECEIPTS[:1], RECEIPTS[1:]}


async def test_who_finishes_after_the_lease_ran_out_has_still_handed_over(inbox: Inbox) -> None:
    await inbox.claim(claim_of(), now=NOW)
    late = NOW + LEASE
    await inbox.claim(claim_of(now=late), now=late)
    await inbox.release(claim_of().delivery_id)

    await inbox.finish(claim_of().delivery_id, RECEIPTS, now=late)

    assert await standing(inbox, claim_of(now=late), now=late) is Standing.DONE


async def test_what_is_done_cannot_be_released(inbox: Inbox) -> None:
    await deliver(inbox, claim_of())

    await inbox.release(claim_of().delivery_id)

    assert await standing(inbox, claim_of()) is Standing.DONE


async def test_finishing_what_was_never_claimed_is_a_mistake_of_the_program(inbox: Inbox) -> None:
    with pytest.raises(ValueError, match="never claimed"):
        await inbox.finish(claim_of().delivery_id, RECEIPTS, now=NOW)


async def test_releasing_what_was_never_claimed_changes_nothing(inbox: Inbox) -> None:
    await inbox.release(claim_of().delivery_id)

    assert await standing(inbox, claim_of()) is Standing.FRESH


async def test_other_content_of_a_delivered_document_is_a_conflict(inbox: Inbox) -> None:
    await deliver(inbox, claim_of("first"))

    assert await standing(inbox, claim_of("second")) is Standing.CONFLICT


async def test_other_content_of_a_document_in_work_is_a_conflict(inbox: Inbox) -> None:
    await inbox.claim(claim_of("first"), now=NOW)

    assert await standing(inbox, claim_of("second")) is Standing.CONFLICT


async def test_a_conflict_names_what_arrived_before_and_when(inbox: Inbox) -> None:
    first, second = claim_of("first"), claim_of("second")
    await inbox.claim(first, now=NOW)
    under_work = await inbox.claim(second, now=NOW)
    await inbox.finish(first.delivery_id, RECEIPTS, now=NOW)
    delivered = await inbox.claim(second, now=NOW + LEASE)

    assert under_work.rival == Rival(envelope_id=first.envelope_id, at=None)
    assert delivered.rival == Rival(envelope_id=first.envelope_id, at=NOW)


async def test_a_conflict_stays_one_when_the_first_content_fails(inbox: Inbox) -> None:
    await inbox.claim(claim_of("first"), now=NOW)
    await inbox.claim(claim_of("second"), now=NOW)

    await inbox.release(claim_of("first").delivery_id)
    await inbox.release(claim_of("second").delivery_id)

    assert await standing(inbox, claim_of("second")) is Standing.CONFLICT


async def test_a_conflict_does_not_harm_the_first_content(inbox: Inbox) -> None:
    await inbox.claim(claim_of("first"), now=NOW)
    await inbox.claim(claim_of("second"), now=NOW)
    await inbox.release(claim_of("first").delivery_id)

    assert await standing(inbox, claim_of("first")) is Standing.FRESH


async def test_other_content_is_fresh_when_the_first_was_released(inbox: Inbox) -> None:
    await inbox.claim(claim_of("first"), now=NOW)
    await inbox.release(claim_of("first").delivery_id)

    assert await standing(inbox, claim_of("second")) is Standing.FRESH
    assert await standing(inbox, claim_of("first")) is Standing.CONFLICT


async def test_other_content_is_fresh_when_the_lease_of_the_first_ran_out(inbox: Inbox) -> None:
    await inbox.claim(claim_of("first"), now=NOW)
    late = NOW + LEASE

    assert await standing(inbox, claim_of("second", now=late), now=late) is Standing.FRESH


async def test_another_mailbox_or_another_document_is_no_conflict(inbox: Inbox) -> None:
    await deliver(inbox, claim_of("first"))

    assert await standing(inbox, claim_of("second", mailbox="G22")) is Standing.FRESH
    assert await standing(inbox, claim_of("second", document="148/UBND-VP")) is Standing.FRESH


async def test_of_many_claims_at_once_exactly_one_is_fresh(inbox: Inbox) -> None:
    answers = await asyncio.gather(*(standing(inbox, claim_of()) for _ in range(50)))

    assert sorted(answers) == [Standing.FRESH, *[Standing.IN_PROGRESS] * 49]


async def test_of_many_contents_at_once_exactly_one_is_fresh(inbox: Inbox) -> None:
    answers = await asyncio.gather(*(standing(inbox, claim_of(f"v{n}")) for n in range(50)))

    assert sorted(answers) == [*[Standing.CONFLICT] * 49, Standing.FRESH]


async def test_many_deliveries_at_once_each_get_their_own_answer(inbox: Inbox) -> None:
    claims = [claim_of(document=f"{number}/UBND-VP") for number in range(600)]
    done = claims[::3]

    await asyncio.gather(*(deliver(inbox, claim) for claim in done))
    answers = await asyncio.gather(*(inbox.claim(claim, now=NOW) for claim in claims))

    assert [answer.standing is Standing.DONE for answer in answers] == [c in done for c in claims]
    assert all(answer.receipts == RECEIPTS for answer in answers[::3])


async def test_which_of_many_deliveries_are_done_is_told(inbox: Inbox) -> None:
    claims = [claim_of(document=str(n)) for n in range(700)]
    done, in_work, released = claims[0], claims[1], claims[2]
    await deliver(inbox, done)
    await deliver(inbox, claims[-1])
    for claim in (in_work, released):
        await inbox.claim(claim, now=NOW)
    await inbox.release(released.delivery_id)

    found = await inbox.done([claim.delivery_id for claim in claims])

    assert set(found) == {done.delivery_id, claims[-1].delivery_id}
    assert not await inbox.done([])


async def offer(inbox: Inbox, claim: Claim, *, now: datetime = NOW) -> OfferedDelivery:
    assert await standing(inbox, claim) is Standing.FRESH
    offered = offer_of(claim, now=now)
    await inbox.offer(offered)
    return offered


async def test_an_offered_delivery_is_left_alone_however_long_it_takes(inbox: Inbox) -> None:
    offered = await offer(inbox, claim_of())
    year = NOW + timedelta(days=365)

    await inbox.release(claim_of().delivery_id)
    await inbox.reclaim([claim_of().mailbox])

    assert await standing(inbox, claim_of(now=year), now=year) is Standing.OFFERED
    assert await standing(inbox, claim_of("other")) is Standing.CONFLICT
    assert await inbox.offered([claim_of().delivery_id]) == [
        Offered(delivery=offered, standing=Standing.OFFERED)
    ]
    assert not await inbox.answered(claim_of().mailbox)
    asked = [claim_of().delivery_id, claim_of("other").delivery_id]
    assert set(await inbox.pending(asked)) == {claim_of().delivery_id}


async def test_an_offer_recorded_twice_is_one_offer(inbox: Inbox) -> None:
    offered = await offer(inbox, claim_of())
    later = offer_of(claim_of(), now=NOW + LEASE)

    await asyncio.gather(inbox.offer(later), inbox.offer(later))

    [found] = await inbox.offered([claim_of().delivery_id])
    assert found.delivery == offered


async def test_an_offered_delivery_that_is_done_is_kept_until_it_is_closed(inbox: Inbox) -> None:
    offered = await offer(inbox, claim_of())
    id_ = claim_of().delivery_id

    await inbox.finish(id_, RECEIPTS, now=NOW)
    await inbox.finish(id_, (), now=NOW)

    assert await inbox.offered([id_]) == [
        Offered(delivery=offered, standing=Standing.DONE, receipts=RECEIPTS)
    ]
    assert list(await inbox.answered(claim_of().mailbox)) == [id_]
    await inbox.close(id_)
    await inbox.offer(offered)
    assert not await inbox.offered([id_])
    assert not await inbox.answered(claim_of().mailbox)
    assert (await inbox.claim(claim_of(), now=NOW)).receipts == RECEIPTS


async def test_a_refused_offer_is_fresh_when_it_is_closed_and_not_before(inbox: Inbox) -> None:
    await offer(inbox, claim_of())
    id_ = claim_of().delivery_id
    late = NOW + 2 * LEASE

    await inbox.close(id_)
    assert await standing(inbox, claim_of()) is Standing.OFFERED
    await inbox.refuse(id_)
    await inbox.reclaim([claim_of().mailbox])

    assert await standing(inbox, claim_of(now=late), now=late) is Standing.IN_PROGRESS
    assert list(await inbox.answered(claim_of().mailbox)) == [id_]
    await inbox.close(id_)
    assert not await inbox.offered([id_])
    assert await standing(inbox, claim_of()) is Standing.FRESH


async def test_offers_that_wait_for_an_answer_are_counted(inbox: Inbox) -> None:
    first, second, done = claim_of(), claim_of(document="148"), claim_of(document="149")
    other = claim_of(mailbox="G22")
    for minutes, claim in enumerate((first, second, done, other)):
        await offer(inbox, claim, now=NOW + timedelta(minutes=minutes))
    await inbox.finish(done.delivery_id, (), now=NOW)

    assert await inbox.unanswered() == {
        first.mailbox: Unanswered(count=2, oldest=NOW),
        other.mailbox: Unanswered(count=1, oldest=NOW + timedelta(minutes=3)),
    }


async def test_offering_what_was_never_claimed_is_a_mistake_of_the_program(inbox: Inbox) -> None:
    with pytest.raises(ValueError, match="never claimed"):
        await inbox.offer(offer_of(claim_of(), now=NOW))


async def test_only_the_owner_of_a_lease_can_give_it_back(inbox: Inbox) -> None:
    late = NOW + LEASE
    await inbox.claim(replace(claim_of(), owner="first"), now=NOW)
    await inbox.claim(replace(claim_of(now=late), owner="second"), now=late)

    await inbox.release(claim_of().delivery_id, owner="first")
    assert await standing(inbox, claim_of(now=late), now=late) is Standing.IN_PROGRESS

    await inbox.release(claim_of().delivery_id, owner="second")
    assert await standing(inbox, claim_of(now=late), now=late) is Standing.FRESH

"""Every accepted delivery is delivered, waiting or parked, or somebody is told."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action
from bus.core.gauges import Account
from bus.core.identity import delivery_id
from bus.core.topology import queue_of
from bus.ports import Claim, Confirmed
from bus.services.reconciliation import Reconciler
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.inbox import SqlInbox
from schemas.codes import Lane
from schemas.identifiers import EnvelopeId, MailboxName
from tests.support.letters import NOW, an_attempt, an_order, park, retry_at, those
from tests.support.offers import offer_of
from tests.support.stores import inbox_in, letters_in, records_in

H24, H41 = MailboxName("H24"), MailboxName("H41")
LATER = timedelta(minutes=1)


def envelope_of(name: str) -> EnvelopeId:
    return EnvelopeId(an_attempt(name).envelope_id or "")


@dataclass
class Axis:
    """The stores of an axis, and what its broker says of its queues."""

    folder: Path
    depths: dict[str, int] = field(default_factory=dict)
    passed: timedelta = timedelta()
    served: tuple[MailboxName, ...] = (H24, H41)

    def __post_init__(self) -> None:
        self.records = records_in(self.folder)
        self.inbox = inbox_in(self.folder, SqlInbox)
        self.letters = letters_in(self.folder, SqlDeadLetters)
        queues = [queue_of(mailbox, lane) for mailbox in (H24, H41) for lane in Lane]
        self.depths = dict.fromkeys([*queues, "failures"], 0)

    async def told(self) -> dict[str, int]:
        return self.depths

    def reconciler(self) -> Reconciler:
        return Reconciler(
            records=self.records,
            inbox=self.inbox,
            letters=self.letters,
            depths=self.told,
            mailboxes=lambda: (H24, H41),
            served=lambda: self.served,
            clock=lambda: NOW + self.passed,
        )

    async def accept(self, name: str, *mailboxes: MailboxName) -> None:
        await self.records.confirm(
            Confirmed(
                envelope_id=envelope_of(name), mailboxes=mailboxes or (H24,), confirmed_at=NOW
            )
        )

    async def deliver(self, name: str, mailbox: MailboxName = H24) -> None:
        delivery = delivery_id(envelope_of(name), mailbox)
        claim = Claim(
            delivery_id=delivery,
            envelope_id=envelope_of(name),
            mailbox=mailbox,
            identity=name,
            lease=NOW + LATER,
        )
        await self.inbox.claim(claim, now=NOW)
        await self.inbox.finish(delivery, (), now=NOW)

    async def offer(self, name: str) -> None:
        delivery = delivery_id(envelope_of(name), H24)
        claim = Claim(
            delivery_id=delivery,
            envelope_id=envelope_of(name),
            mailbox=H24,
            identity=name,
            lease=NOW + LATER,
        )
        await self.inbox.claim(claim, now=NOW)
        await self.inbox.offer(offer_of(claim, now=NOW))


def counts(account: Account) -> tuple[int, int, int, int, int]:
    assert account.accepted == (
        account.delivered + account.waiting + account.parked + account.unaccounted
    )
    return (
        account.accepted,
        account.delivered,
        account.waiting,
        account.parked,
        account.unaccounted,
    )


async def test_what_is_in_a_mailbox_waits_and_what_is_done_is_delivered(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("a", H24, H41)
    await axis.accept("b")
    await axis.deliver("a", H41)
    axis.depths[queue_of(H24, Lane.STANDARD)] = 2
    axis.passed = LATER

    account = await axis.reconciler().look()

    assert counts(account) == (3, 1, 2, 0, 0)
    assert account.oldest == {H24: NOW}


async def test_a_second_look_counts_nothing_twice(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    reconciler = axis.reconciler()
    await axis.accept("a")
    await axis.accept("b")
    await reconciler.look()
    await axis.deliver("a")
    await axis.accept("c")

    assert counts(await reconciler.look()) == (3, 1, 2, 0, 0)


async def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("a", H24, H41)
    await axis.deliver("a")
    before = axis.reconciler()
    await before.look()

    assert await axis.reconciler().look() == await before.look()


async def test_dead_letters_wait_for_their_retry_or_are_parked(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    for name in ("waits", "parked", "given up"):
        await axis.accept(name)
    await axis.letters.record(an_attempt("waits"), retry_at(NOW + LATER), now=NOW)
    await axis.letters.record(an_attempt("parked"), park, now=NOW)
    await axis.letters.record(an_attempt("given up"), park, now=NOW)
    discard = an_order(Action.DISCARD, selection=those("given up"), reason="test")
    await axis.letters.place(discard, order_id=OrderId("order-1"), now=NOW)
    axis.passed = LATER

    account = await axis.reconciler().look()

    assert counts(account) == (3, 0, 1, 2, 0)


async def test_what_nobody_has_in_two_looks_is_unaccounted(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("lost")
    await axis.accept("there")
    axis.depths[queue_of(H24, Lane.EXPRESS)] = 1
    axis.passed = LATER
    reconciler = axis.reconciler()

    first, second = await reconciler.look(), await reconciler.look()

    assert counts(first) == (2, 0, 2, 0, 0)
    assert counts(second) == (2, 0, 1, 0, 1)


async def test_what_was_offered_waits_for_its_answer_without_a_message(tmp_path: Path) -> None:
    axis = Axis(tmp_path, passed=LATER)
    await axis.accept("offered")
    await axis.accept("lost")
    await axis.offer("offered")
    reconciler = axis.reconciler()
    await reconciler.look()

    account = await reconciler.look()

    assert (account.waiting, account.unaccounted) == (1, 1)


async def test_what_is_under_way_to_becoming_a_dead_letter_is_not_lost(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("a")
    axis.depths["failures"] = 1
    axis.passed = LATER
    reconciler = axis.reconciler()
    await reconciler.look()

    assert counts(await reconciler.look()) == (1, 0, 1, 0, 0)


async def test_nothing_is_said_of_a_queue_whose_numbers_are_not_known(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("a")
    del axis.depths[queue_of(H24, Lane.STANDARD)]
    axis.passed = LATER
    reconciler = axis.reconciler()
    await reconciler.look()

    assert counts(await reconciler.look()) == (1, 0, 1, 0, 0)


async def test_what_was_led_to_another_mailbox_is_delivered_there(tmp_path: Path) -> None:
    axis = Axis(tmp_path)
    await axis.accept("a")
    await axis.letters.record(an_attempt("a"), retry_at(NOW), now=NOW)
    await axis.letters.retried([an_attempt("a").letter_id], now=NOW)
    await axis.deliver("a", H41)
    axis.passed = LATER

    assert counts(await axis.reconciler().look()) == (1, 1, 0, 0, 0)


async def test_what_an_agencys_own_worker_receipts_is_delivered(tmp_path: Path) -> None:
    axis = Axis(tmp_path, served=(H24,))
    await axis.accept("a", H24, H41)
    reconciler = axis.reconciler()
    axis.depths[queue_of(H24, Lane.STANDARD)] = 1
    axis.passed = LATER
    assert counts(await reconciler.look()) == (2, 0, 2, 0, 0)

    await axis.records.arrive(delivery_id(envelope_of("a"), H41), now=NOW)

    account = await reconciler.look()
    assert counts(account) == (2, 1, 1, 0, 0)
    assert account.oldest == {H24: NOW}


async def test_what_left_the_mailbox_of_an_own_worker_waits_for_its_receipt(tmp_path: Path) -> None:
    """Its store is elsewhere, and its receipt may lie in the mailbox of a sender that is away."""
    axis = Axis(tmp_path, served=(H24,))
    await axis.accept("a", H41)
    reconciler = axis.reconciler()
    axis.passed = LATER

    for _ in range(3):
        assert counts(await reconciler.look()) == (1, 0, 1, 0, 0)


async def test_a_delivery_that_was_led_to_an_own_worker_is_done_by_its_receipt(
    tmp_path: Path,
) -> None:
    axis = Axis(tmp_path, served=(H24,))
    await axis.accept("a", H24)
    await axis.letters.record(an_attempt("a"), park, now=NOW)
    order = OrderId("order-1")
    replay = an_order(selection=those("a"), to=H41)
    await axis.letters.place(replay, order_id=order, now=NOW)
    (letter,) = await axis.letters.next_of(order, limit=9)
    await axis.letters.replayed(order, [letter.letter.id], now=NOW)

    await axis.records.arrive(delivery_id(envelope_of("a"), H41), now=NOW)

    assert counts(await axis.reconciler().look()) == (1, 1, 0, 0, 0)

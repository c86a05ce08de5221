"""Every mailbox has one worker, the work is spread, and nobody moves."""

from hypothesis import given
from hypothesis import strategies as st

from bus.core.placement import Renewal, WorkerName, place, renewal, worker_count
from schemas.identifiers import MailboxName

mailboxes = st.sets(st.text("ABGH.0123456789", min_size=1, max_size=6).map(MailboxName))


def test_there_are_as_many_workers_as_asked_for_but_no_more_than_mailboxes() -> None:
    assert worker_count(2, processors=8, mailboxes=95) == 2
    assert worker_count(0, processors=8, mailboxes=95) == 8
    assert worker_count(4, processors=1, mailboxes=3) == 3
    assert worker_count(0, processors=4, mailboxes=0) == 1


names = st.sets(st.integers(1, 9).map(lambda n: WorkerName(f"home/{n}")), min_size=1)


@given(first=names, then=names, served=mailboxes)
def test_every_mailbox_is_placed_and_the_loads_are_level(
    first: set[WorkerName], then: set[WorkerName], served: set[MailboxName]
) -> None:
    before = place(dict.fromkeys(first, served), held={})
    after = place(dict.fromkeys(then, served), held=before)

    assert before.keys() == after.keys() == served
    for places, workers in ((before, first), (after, then)):
        loads = [list(places.values()).count(name) for name in workers]
        assert max(loads) - min(loads) <= 1


@given(workers=names, served=mailboxes)
def test_nothing_moves_when_nobody_comes_or_goes(
    workers: set[WorkerName], served: set[MailboxName]
) -> None:
    live = dict.fromkeys(workers, served)
    places = place(live, held={})

    assert place(live, held=places) == places


@given(workers=names, served=mailboxes)
def test_when_a_worker_joins_mailboxes_move_to_it_alone(
    workers: set[WorkerName], served: set[MailboxName]
) -> None:
    before = place(dict.fromkeys(workers, served), held={})
    after = place(dict.fromkeys({*workers, WorkerName("other/1")}, served), held=before)

    assert {after[m] for m in served if after[m] != before[m]} <= {"other/1"}


def test_a_mailbox_is_placed_with_none_but_those_that_can_serve_it() -> None:
    hub, own = WorkerName("hub/1"), WorkerName("own/1")
    a, b = MailboxName("H24"), MailboxName("G22")

    assert place({hub: {b}, own: {a}}, held={a: hub}) == {a: own, b: hub}


def test_a_starting_worker_leaves_the_share_of_its_siblings_to_them() -> None:
    one, two = WorkerName("home/1"), WorkerName("home/2")
    served = {MailboxName(name) for name in ("A01", "G22", "H24", "H41")}

    alone = renewal(one, workers={one: served}, siblings=[two], leases={}, holding=())
    later = renewal(
        one,
        workers={one: served},
        siblings=(),
        leases=dict.fromkeys(alone.taken, one),
        holding=alone.taken,
    )

    assert alone.taken == {"A01", "H24"}
    assert later.taken == {"G22", "H41"}


def test_a_successor_with_the_same_name_goes_on_with_the_leases() -> None:
    one, mailbox = WorkerName("home/1"), MailboxName("H24")

    told = renewal(one, workers={one: {mailbox}}, siblings=(), leases={mailbox: one}, holding=())

    assert told == Renewal(taken=frozenset({mailbox}))


def test_what_another_worker_holds_is_taken_only_when_it_is_free() -> None:
    one, two = WorkerName("home/1"), WorkerName("other/1")
    served = {MailboxName(name) for name in ("A01", "G22")}
    live, leases = {one: served, two: served}, dict.fromkeys(served, one)

    assert not renewal(two, workers=live, siblings=(), leases=leases, holding=()).taken
    moving = renewal(one, workers=live, siblings=(), leases=leases, holding=served).moving
    assert len(moving) == 1
    left = dict.fromkeys(served - moving, one)
    assert renewal(two, workers=live, siblings=(), leases=left, holding=()).taken == moving


def test_a_lease_that_another_worker_has_now_is_lost() -> None:
    one, two = WorkerName("home/1"), WorkerName("other/1")
    mailbox = MailboxName("H24")

    told = renewal(
        one,
        workers={one: {mailbox}, two: {mailbox}},
        siblings=(),
        leases={mailbox: two},
        holding={mailbox},
    )

    assert told == Renewal(lost=frozenset({mailbox}))

"""Every mailbox has one worker, the work is spread, and nobody moves."""

from hypothesis import given
from hypothesis import strategies as st

from bus.core.placement import WorkerName, share, workers_for
from schemas.identifiers import MailboxName

mailboxes = st.sets(st.text("ABGH.0123456789", min_size=1, max_size=6).map(MailboxName))


def test_there_are_as_many_workers_as_asked_for_but_no_more_than_mailboxes() -> None:
    assert workers_for(2, processors=8, mailboxes=95) == ("1/2", "2/2")
    assert len(workers_for(0, processors=8, mailboxes=95)) == 8
    assert len(workers_for(4, processors=1, mailboxes=3)) == 3
    assert workers_for(0, processors=4, mailboxes=0) == ("1/1",)


def test_at_first_the_position_in_the_sorted_list_decides() -> None:
    names = [MailboxName(name) for name in ("H41", "G22", "H24", "A01")]

    places = share(names, [WorkerName("1/2"), WorkerName("2/2")], placed={})

    assert places == {"A01": "1/2", "G22": "2/2", "H24": "1/2", "H41": "2/2"}


@given(before=mailboxes, after=mailboxes, workers=st.integers(1, 9))
def test_who_is_placed_stays_and_the_others_level_the_loads(
    before: set[MailboxName], after: set[MailboxName], workers: int
) -> None:
    names = workers_for(workers, processors=1, mailboxes=100)

    first = share(before, names, placed={})
    second = share(before | after, names, placed=first)

    assert second.keys() == before | after
    assert first.items() <= second.items()
    loads = [list(second.values()).count(name) for name in names]
    assert max(loads) - min(loads) <= 1

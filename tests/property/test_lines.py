"""What is told over a line is what was meant, whatever it holds."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.core.directory import seed_directory
from bus.core.events import DuplicateAbsorbed, Event
from bus.core.instructions import Know, Serve
from bus.core.lines import event_of, instruction_of, to_line
from bus.home.directory_file import seed_text
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Place, Problem

SEED = seed_directory(seed_text())

st.register_type_strategy(
    Problem,
    st.builds(
        Problem,
        code=st.sampled_from(["E_INTERNAL", "E_BASE64", "E_OF_A_NEWER_VERSION"]),
        place=st.builds(Place, line=st.none() | st.integers(), field=st.none() | st.text()),
        params=st.dictionaries(st.text(), st.text(), max_size=3),
        detail=st.none() | st.text(),
    ),
)

events = st.one_of([st.from_type(kind) for kind in get_args(Event)])


@given(event=events)
def test_every_event_comes_back_as_it_was_in_one_line(event: Event) -> None:
    line = to_line(event)

    assert event_of(line) == event
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@given(edition=st.integers(0), mailboxes=st.lists(st.text().map(MailboxName)).map(tuple))
def test_every_order_comes_back_as_it_was(edition: int, mailboxes: tuple[MailboxName, ...]) -> None:
    know, serve = Know(edition=edition, directory=SEED), Serve(mailboxes=mailboxes)

    assert instruction_of(to_line(know)) == know
    assert instruction_of(to_line(serve)) == serve


@pytest.mark.parametrize("cut", [0, 1, 5, 30, -1, -2])
def test_a_line_that_is_cut_off_is_no_event(cut: int) -> None:
    event = DuplicateAbsorbed(
        mailbox=MailboxName("G22"),
        kind=EnvelopeKind.DOCUMENT,
        lane=Lane.STANDARD,
        envelope_id=EnvelopeId("e"),
        delivery_id=DeliveryId("d"),
    )

    with pytest.raises(ValueError, match=r"not a line of ours|Invalid JSON"):
        event_of(to_line(event)[:cut])


def test_an_order_is_no_event() -> None:
    with pytest.raises(ValueError, match="not a line of ours"):
        event_of(to_line(Serve(mailboxes=())))

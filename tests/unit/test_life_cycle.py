"""The states of a delivery: every one can be reached and left; what is not in the table raises."""

from pathlib import Path

import pytest

from bus.core.dead_letters.letter import LetterState, states_before
from bus.core.dead_letters.order import ACTED_UPON, Action
from bus.core.life_cycle import (
    TRANSITIONS,
    DeliveryEvent,
    DeliveryState,
    IllegalTransitionError,
    after,
    page,
)

_PAGE = Path(__file__).parents[2] / "docs" / "life-cycle.md"


def test_every_state_can_be_reached_and_every_event_happens() -> None:
    reached = {DeliveryState.RECEIVED}
    while grown := {then for (s, _), then in TRANSITIONS.items() if s in reached} - reached:
        reached |= grown

    assert reached == set(DeliveryState)
    assert {event for _, event in TRANSITIONS} == set(DeliveryEvent)
    assert {state for state, _ in TRANSITIONS} == set(DeliveryState)


def test_what_the_table_does_not_name_raises() -> None:
    for state in DeliveryState:
        for event in DeliveryEvent:
            if (state, event) not in TRANSITIONS:
                with pytest.raises(IllegalTransitionError):
                    after(state, event)


def test_nothing_is_complete_or_offered_before_it_is_proven_admitted_and_claimed() -> None:
    for goal in (DeliveryEvent.COMPLETE, DeliveryEvent.PEND):
        for state in (DeliveryState.RECEIVED, DeliveryState.PROVEN, DeliveryState.ADMITTED):
            assert (state, goal) not in TRANSITIONS


def test_dead_letters_have_states_of_this_table() -> None:
    assert {state.value for state in LetterState} <= {state.value for state in DeliveryState}


@pytest.mark.parametrize(
    ("action", "states"),
    [
        (Action.REPLAY, {LetterState.WAITING, LetterState.PARKED}),
        (Action.DISCARD, {LetterState.WAITING, LetterState.PARKED, LetterState.QUARANTINED}),
        (Action.RESTORE, {LetterState.DISCARDED, LetterState.QUARANTINED}),
    ],
)
def test_orders_of_operators_find_their_letters_in_the_states_of_the_table(
    action: Action, states: set[LetterState]
) -> None:
    assert ACTED_UPON[action] == states


@pytest.mark.parametrize("event", [e for e in DeliveryEvent if states_before(e)])
def test_an_event_of_a_dead_letter_leaves_it_in_one_state(event: DeliveryEvent) -> None:
    afterwards = {after(DeliveryState(state.value), event) for state in states_before(event)}

    assert len(afterwards) == 1


def test_the_page_is_current() -> None:
    assert _PAGE.read_text(encoding="utf-8") == page()

"""Style: states and numbers as text, the same in all commands."""

from collections.abc import Mapping

from rich.text import Text

from bus.core.dead_letters.letter import LetterState

STATE_STYLE: dict[LetterState, str] = {
    LetterState.WAITING: "cyan",
    LetterState.PARKED: "yellow",
    LetterState.QUARANTINED: "bold red",
    LetterState.REDELIVERED: "green",
    LetterState.DISCARDED: "dim",
}


def states_of(counts: Mapping[LetterState, int]) -> Text:
    """`300 parked, 12 waiting`, in the order of the states' own list; never a zero."""
    shown = [
        Text(f"{counts[state]:,} {state}", STATE_STYLE[state])
        for state in LetterState
        if counts.get(state)
    ]
    return Text(", ").join(shown)


def counted(count: int, noun: str) -> str:
    """`1 letter`, `2,412 letters`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

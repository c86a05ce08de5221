"""Life cycle of one delivery at its recipient: one table of states and events.

`python -m bus.core.life_cycle > docs/life-cycle.md` renews the page; a test compares it.
"""

import sys
from enum import StrEnum


class DeliveryState(StrEnum):
    """How far a delivery has come. The last five are those of its dead letter."""

    RECEIVED = "received"
    PROVEN = "proven"
    ADMITTED = "admitted"
    CLAIMED = "claimed"
    FETCHED = "fetched"
    OFFERED = "offered"
    COMPLETE = "complete"
    FAILED = "failed"
    WAITING = "waiting"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    REDELIVERED = "redelivered"
    DISCARDED = "discarded"


class DeliveryEvent(StrEnum):
    """What happens to a delivery."""

    PROVE = "its signature is verified"
    ADMIT = "it is addressed to this mailbox, and its sender may send it"
    CLAIM = "nobody else works on it: a lease is taken"
    FETCH = "its attachments are on this machine"
    FIND_OFFERED = "it was offered before"
    FIND_COMPLETE = "it was complete before"
    PEND = "the agency's system has it, and answers later"
    COMPLETE = "the agency's system has taken it"
    FAIL = "its failure is published"
    GIVE_BACK = "it is tried again from the start"
    SCHEDULE = "a retry is scheduled"
    PARK = "no automatic attempt is left"
    QUARANTINE = "it came back from replays too often"
    REDELIVER = "it is published to its mailbox again"
    CONSUME = "the worker consumes it again"
    DISCARD = "an operator gives it up"
    RESTORE = "an operator brings it back"


_S, _E = DeliveryState, DeliveryEvent
_IN_WORK = (_S.RECEIVED, _S.PROVEN, _S.ADMITTED, _S.CLAIMED, _S.FETCHED)

TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (_S.RECEIVED, _E.PROVE): _S.PROVEN,
    (_S.PROVEN, _E.ADMIT): _S.ADMITTED,
    (_S.ADMITTED, _E.CLAIM): _S.CLAIMED,
    (_S.ADMITTED, _E.FIND_OFFERED): _S.OFFERED,
    (_S.ADMITTED, _E.FIND_COMPLETE): _S.COMPLETE,
    (_S.CLAIMED, _E.FETCH): _S.FETCHED,
    (_S.FETCHED, _E.PEND): _S.OFFERED,
    (_S.FETCHED, _E.COMPLETE): _S.COMPLETE,
    (_S.OFFERED, _E.COMPLETE): _S.COMPLETE,
    # The receipts of a complete delivery may not be published yet.
    **{(state, _E.GIVE_BACK): _S.RECEIVED for state in (*_IN_WORK, _S.OFFERED, _S.COMPLETE)},
    **{(state, _E.FAIL): _S.FAILED for state in (*_IN_WORK, _S.OFFERED, _S.COMPLETE)},
    (_S.FAILED, _E.SCHEDULE): _S.WAITING,
    (_S.FAILED, _E.PARK): _S.PARKED,
    (_S.FAILED, _E.QUARANTINE): _S.QUARANTINED,
    (_S.WAITING, _E.REDELIVER): _S.REDELIVERED,
    (_S.PARKED, _E.REDELIVER): _S.REDELIVERED,
    (_S.REDELIVERED, _E.CONSUME): _S.RECEIVED,
    (_S.WAITING, _E.DISCARD): _S.DISCARDED,
    (_S.PARKED, _E.DISCARD): _S.DISCARDED,
    (_S.QUARANTINED, _E.DISCARD): _S.DISCARDED,
    (_S.DISCARDED, _E.RESTORE): _S.PARKED,
    (_S.QUARANTINED, _E.RESTORE): _S.PARKED,
}


class IllegalTransitionError(Exception):
    """An event that cannot happen in this state: a mistake of the program."""


def after(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """The state after an event. Raises `IllegalTransitionError`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(f"{state}: {event.name}") from None


def page() -> str:
    """The page of the documentation: the picture, and every transition in a table."""
    arrows = "\n".join(
        f"    {state} --> {then}: {event.name.lower()}"
        for (state, event), then in TRANSITIONS.items()
    )
    rows = "\n".join(
        f"| {state} | `{event.name}` | {event} | {then} |"
        for (state, event), then in TRANSITIONS.items()
    )
    return f"""\
# The life of a delivery

Made by `python -m bus.core.life_cycle > docs/life-cycle.md`; edit `bus/core/life_cycle.py` instead.
What the table does not name cannot happen: the worker stops with an error, and loses nothing.

```mermaid
stateDiagram-v2
    [*] --> received
{arrows}
    complete --> [*]
```

| state | event | what happens | state afterwards |
| --- | --- | --- | --- |
{rows}
"""


if __name__ == "__main__":
    sys.stdout.write(page())

"""Which letters a selection means, page by page and by id."""

import asyncio

import pytest

from bus.core.dead_letters.letter import (
    LetterState,
)
from bus.core.dead_letters.order import Action
from bus.core.dead_letters.selection import Selection, Sort
from bus.ports import DeadLetters
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from tests.support.letters import (
    DOWN,
    FORGED,
    MINUTE,
    NOW,
    REFUSED,
    an_attempt,
    an_order,
    id_of,
    park,
    quarantine,
    retry_at,
    standing,
    those,
)
from tests.support.recorded_letters import (
    LATER,
    ONE,
    TWO,
    ids,
    named,
    record,
    record_each,
    refusal,
    replay,
)


async def a_mixed_lot(letters: DeadLetters) -> None:
    """Seven letters: 1 the oldest, 7 the newest."""
    await record(letters, "1", at=NOW + 1 * MINUTE, code=REFUSED, sender="G01")
    await record(letters, "2", at=NOW + 2 * MINUTE, mailbox="H26", decide=retry_at(LATER))
    await record(letters, "3", at=NOW + 3 * MINUTE, code=FORGED, decide=quarantine)
    await record(letters, "4", at=NOW + 4 * MINUTE, code=FORGED, mailbox="H26", sender="G01")
    await record(letters, "5", at=NOW + 5 * MINUTE, decide=retry_at(LATER))
    await record(letters, "6", at=NOW + 6 * MINUTE, mailbox="H26")
    await record(letters, "7", at=NOW)
    await replay(letters, "7")
    await record(letters, "7", 2, at=NOW + 7 * MINUTE)
    await letters.place(
        an_order(Action.DISCARD, selection=those("6"), reason="twin"), order_id=TWO, now=NOW
    )


FORGED_FOR_H26 = an_attempt(code=FORGED, mailbox="H26").failure.fingerprint

SELECTIONS: dict[str, tuple[Selection, str]] = {
    "everything": (Selection(), "7654321"),
    "ids": (those("5", "2", "unknown"), "52"),
    "states": (standing(LetterState.PARKED, LetterState.QUARANTINED), "7431"),
    "mailbox": (Selection(mailbox=MailboxName("H26")), "642"),
    "sender": (Selection(sender="G01"), "41"),
    "class": (Selection(failure_class=FailureClass.SECURITY), "43"),
    "code": (Selection(code=DOWN), "7652"),
    "fingerprint": (Selection(fingerprint=FORGED_FOR_H26), "4"),
    "number": (Selection(number="3/UBND-VP"), "3"),
    "since": (Selection(since=NOW + 4 * MINUTE), "7654"),
    "until": (Selection(until=NOW + 4 * MINUTE), "321"),
    "window": (Selection(since=NOW + 3 * MINUTE, until=NOW + 5 * MINUTE), "43"),
    "returned": (Selection(returned=True), "7"),
    "not returned": (Selection(returned=False), "654321"),
    "mailbox and state": (standing(LetterState.DISCARDED, mailbox="H26"), "6"),
    "mailbox and code": (Selection(mailbox=MailboxName("H26"), code=DOWN), "62"),
    "mailbox and class": (
        Selection(mailbox=MailboxName("H24"), failure_class=FailureClass.SECURITY),
        "3",
    ),
    "mailbox and sender": (Selection(mailbox=MailboxName("H26"), sender="G01"), "4"),
    "code and sender": (Selection(code=REFUSED, sender="G01"), "1"),
    "code and window": (Selection(code=DOWN, since=NOW + 3 * MINUTE), "765"),
    "sender and state": (standing(LetterState.PARKED, sender="G22"), "7"),
    "fingerprint and state": (standing(LetterState.WAITING, fingerprint=FORGED_FOR_H26), ""),
    "state and window": (standing(LetterState.WAITING, until=NOW + 5 * MINUTE), "2"),
    "number and mailbox": (Selection(number="3/UBND-VP", mailbox=MailboxName("H26")), ""),
    "sender and returned": (Selection(sender="G22", returned=False), "6532"),
    "an unknown mailbox": (Selection(mailbox=MailboxName("G99")), ""),
}


@pytest.mark.parametrize("name", SELECTIONS)
async def test_a_selection_means_the_letters_for_which_everything_holds(
    letters: DeadLetters, name: str
) -> None:
    await a_mixed_lot(letters)
    selection, expected = SELECTIONS[name]

    assert ids(await letters.find(selection, limit=10)) == named(*expected)
    assert ids(await letters.find(selection, sort=Sort.OLDEST, limit=10)) == named(*expected[::-1])
    most = sorted(expected, key=lambda each: each != "7")
    assert ids(await letters.find(selection, sort=Sort.ATTEMPTS, limit=10)) == named(*most)
    assert await letters.count(selection) == len(expected)
    groups = await letters.groups(selection, now=LATER)
    assert sum(sum(group.counts.values()) for group in groups) == len(expected)


@pytest.mark.parametrize("sort", Sort)
async def test_pages_follow_each_other_without_gap_or_overlap(
    letters: DeadLetters, sort: Sort
) -> None:
    for number in range(23):
        state = park if number % 3 else retry_at(LATER)
        await record(letters, str(number), at=NOW + number // 5 * MINUTE, decide=state)
        if number % 4 == 0:
            await record(letters, str(number), 2, at=NOW + number // 5 * MINUTE, decide=state)
    whole = ids(await letters.find(Selection(), sort=sort, limit=100))

    pages = [
        ids(await letters.find(Selection(), sort=sort, limit=5, offset=offset))
        for offset in range(0, 30, 5)
    ]

    assert [each for page in pages for each in page] == whole
    assert len(set(whole)) == 23


async def test_most_attempts_come_first_and_among_equals_the_newest(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b", "c")
    await record(letters, "b", 2, at=NOW + MINUTE)

    found = await letters.find(Selection(), sort=Sort.ATTEMPTS, limit=10)

    assert ids(found) == named("b", "c", "a")


async def test_many_ids_may_be_meant_at_once(letters: DeadLetters) -> None:
    names = [str(number) for number in range(1_500)]
    await asyncio.gather(*(record(letters, name) for name in names))

    assert await letters.count(those(*names)) == 1_500
    order = await letters.place(an_order(selection=those(*names)), order_id=ONE, now=NOW)
    await letters.replayed(ONE, named(*names), now=NOW)
    assert (order.total, (await letters.order(ONE)).done) == (1_500, 1_500)


# --- one letter ---------------------------------------------------------------------------------


async def test_a_letter_is_found_by_the_first_digits_of_its_id(letters: DeadLetters) -> None:
    letter = await record(letters)

    assert await letters.letter(letter.id[:6]) == letter
    assert await letters.letter(letter.id[:6].upper()) == letter


async def test_digits_that_several_letters_begin_with_are_ambiguous(letters: DeadLetters) -> None:
    await asyncio.gather(*(record(letters, str(number)) for number in range(17)))
    firsts = [id_of(str(number))[0] for number in range(17)]
    shared = next(first for first in firsts if firsts.count(first) > 1)

    assert await refusal(letters.letter(shared)) == "E_LETTER_AMBIGUOUS"


@pytest.mark.parametrize("wanted", ["", "%", "_", "zz", "é", "\0", "0" * 33])
async def test_what_no_id_begins_with_is_an_unknown_letter(
    letters: DeadLetters, wanted: str
) -> None:
    await record(letters)

    assert await refusal(letters.letter(wanted)) == "E_LETTER_UNKNOWN"


async def test_an_unknown_letter_has_neither_history_nor_message(letters: DeadLetters) -> None:
    assert await refusal(letters.history(id_of("unknown"))) == "E_LETTER_UNKNOWN"
    assert await refusal(letters.message(id_of("unknown"))) == "E_LETTER_UNKNOWN"

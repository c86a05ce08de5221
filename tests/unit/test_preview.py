"""What an order would do is added up by cause."""

from datetime import timedelta

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.course import failed_first
from bus.core.dead_letters.letter import DeadLetter, LetterState
from bus.core.dead_letters.preview import Share, added_up
from schemas.identifiers import MailboxName
from tests.support.letters import DOWN, MINUTE, NOW, REFUSED, an_attempt, id_of, park


def a_letter(name: str, code: str = DOWN, *, late: timedelta = MINUTE) -> DeadLetter:
    return failed_first(an_attempt(name, code=code, at=NOW + late), park, now=NOW).letter


def test_letters_of_one_cause_are_one_share_from_the_oldest_to_the_newest() -> None:
    letters = [a_letter("1"), a_letter("2", late=3 * MINUTE), a_letter("3", REFUSED)]

    large, small = added_up(map(Share.of_letter, letters))

    assert (large.code, large.letters) == (DOWN, 2)
    assert (large.oldest, large.newest) == (NOW + MINUTE, NOW + 3 * MINUTE)
    assert (small.code, small.letters) == (REFUSED, 1)


def test_a_cause_is_the_share_of_all_its_letters() -> None:
    cause = Cause(
        fingerprint="f",
        mailbox=MailboxName("H24"),
        stage="hand_over",
        failure_class="recipient_down",
        code=DOWN,
        field=None,
        example=id_of("1"),
        counts={LetterState.PARKED: 3, LetterState.WAITING: 4},
        oldest=NOW,
        newest=NOW + MINUTE,
        recent=0,
        earlier=0,
    )

    assert Share.of_cause(cause).letters == 7

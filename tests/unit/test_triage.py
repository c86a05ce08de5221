"""Every failure has an answer: a sentence in both languages, and commands that exist."""

import pytest

from bus.core.dead_letters.letter import LetterId, LetterState
from bus.core.dead_letters.triage import Suggestion, suggest
from schemas.errors import FailureClass

EXAMPLE = LetterId("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
PARKED = (LetterState.PARKED,)


def of(
    failure_class: str,
    *states: LetterState,
    code: str = "E_X",
    target: str = "--group 1a2b3c4d",
) -> Suggestion:
    return suggest(
        failure_class=failure_class,
        code=code,
        states=states or PARKED,
        target=target,
        example=EXAMPLE,
    )


@pytest.mark.parametrize("failure_class", FailureClass)
def test_every_class_has_an_answer_in_both_languages(failure_class: FailureClass) -> None:
    answer = of(failure_class)

    assert answer.text_en
    assert answer.text_vi
    assert answer.commands
    assert "{" not in "".join(answer.commands)


def test_what_nobody_broke_on_purpose_is_replayed() -> None:
    assert of(FailureClass.RECIPIENT_DOWN).commands == ("lienthong dlq replay --group 1a2b3c4d",)


def test_what_is_tried_again_by_itself_needs_nobody() -> None:
    waiting = of(FailureClass.RECIPIENT_DOWN, LetterState.WAITING)
    mixed = of(FailureClass.RECIPIENT_DOWN, LetterState.WAITING, LetterState.PARKED)

    assert waiting.text_en.startswith("Nothing to do")
    assert not mixed.text_en.startswith("Nothing to do")


def test_a_suspected_forgery_is_never_replayed() -> None:
    commands = of(FailureClass.SECURITY, code="E_FORGED").commands

    assert not any("replay" in command for command in commands)


def test_a_missing_certificate_is_mended_and_then_replayed() -> None:
    commands = of(FailureClass.SECURITY, code="E_CERTIFICATE_UNKNOWN").commands

    assert commands == (
        "lienthong dlq show 0f1e2d3c",
        "lienthong dlq replay --group 1a2b3c4d",
    )


def test_after_an_upgrade_one_goes_first() -> None:
    group, single = of(FailureClass.OURS), of(FailureClass.OURS, target="0f1e2d3c")

    assert group.commands == (
        "lienthong dlq replay --group 1a2b3c4d --limit 1",
        "lienthong dlq replay --group 1a2b3c4d",
    )
    assert single.commands == ("lienthong dlq replay 0f1e2d3c",)


def test_quarantine_is_left_by_a_restore_only() -> None:
    answer = of(FailureClass.RECIPIENT_DOWN, LetterState.QUARANTINED)

    assert answer.commands[1:] == (
        "lienthong dlq restore --group 1a2b3c4d",
        "lienthong dlq replay --group 1a2b3c4d",
    )


@pytest.mark.parametrize("state", [LetterState.REDELIVERED, LetterState.DISCARDED])
def test_what_is_settled_asks_for_nothing(state: LetterState) -> None:
    assert of(FailureClass.OURS, state).text_en.startswith("Nothing to do")


def test_a_class_of_a_newer_version_is_told_as_our_own_failure() -> None:
    assert of("of_tomorrow") == of(FailureClass.OURS)

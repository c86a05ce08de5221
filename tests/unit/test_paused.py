"""Operators see which mailboxes wait, since when, and why."""

from datetime import timedelta
from pathlib import Path

from bus.core.events import DeliveryHandedOver, EndpointPaused, EndpointResumed
from bus.home.paused import Paused, PausedFile
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem
from tests.support.envelopes import NOW

H24, H41 = MailboxName("H24"), MailboxName("H41")
AWAY = Problem(code="E_ENDPOINT_DOWN", params={"agency": "H24", "cause": "not mounted"})


def test_a_mailbox_waits_from_its_pause_to_its_resumption(tmp_path: Path) -> None:
    path = tmp_path / "paused.json"
    axis, operator = PausedFile(path), PausedFile(path)

    before = operator.load()
    axis.note(EndpointPaused(mailbox=H24, problem=AWAY), now=NOW)
    during = operator.load()
    axis.note(EndpointResumed(mailbox=H24, away=timedelta(hours=1)), now=NOW)

    assert during == (Paused(mailbox=H24, since=NOW, problem=AWAY),)
    assert before == operator.load() == ()


def test_a_hand_over_proves_that_a_system_is_back(tmp_path: Path) -> None:
    """The worker that paused may have crashed before it could say so."""
    file = PausedFile(tmp_path / "paused.json")
    for mailbox in (H24, H41):
        file.note(EndpointPaused(mailbox=mailbox, problem=AWAY), now=NOW)

    handed_over = DeliveryHandedOver(
        mailbox=H24,
        kind=EnvelopeKind.DOCUMENT,
        lane=Lane.STANDARD,
        envelope_id=EnvelopeId("e"),
        delivery_id=DeliveryId("d"),
        sender=AgencyCode("G22"),
        file="f.edxml",
        status=None,
        age=timedelta(seconds=1),
        took=timedelta(seconds=1),
    )
    file.note(handed_over, now=NOW)

    assert [paused.mailbox for paused in file.load()] == [H41]

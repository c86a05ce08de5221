"""Operators see which mailboxes wait, since when, and why."""

from datetime import timedelta
from pathlib import Path

from bus.core.events import DeliveryHandedOver, EndpointPaused, EndpointResumed
from bus.home.paused import Paused, PausedFile, load_paused
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem
from tests.support.envelopes import NOW

H24, H41 = MailboxName("H24"), MailboxName("H41")
AWAY = Problem(code="E_ENDPOINT_DOWN", params={"agency": "H24", "cause": "not mounted"})


def test_a_mailbox_waits_from_its_pause_to_its_resumption(tmp_path: Path) -> None:
    axis = PausedFile(tmp_path / "1.json", clock=lambda: NOW)

    before = load_paused(tmp_path)
    axis(EndpointPaused(mailbox=H24, problem=AWAY))
    during = load_paused(tmp_path)
    axis(EndpointResumed(mailbox=H24, away=timedelta(hours=1)))

    assert during == (Paused(mailbox=H24, since=NOW, problem=AWAY),)
    assert before == load_paused(tmp_path) == ()


def test_a_hand_over_proves_that_a_system_is_back(tmp_path: Path) -> None:
    """The worker that paused may have crashed before it could say so."""
    file = PausedFile(tmp_path / "1.json", clock=lambda: NOW)
    for mailbox in (H24, H41):
        file(EndpointPaused(mailbox=mailbox, problem=AWAY))

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
    file(handed_over)

    assert [paused.mailbox for paused in load_paused(tmp_path)] == [H41]


def test_what_every_worker_tells_is_seen_together(tmp_path: Path) -> None:
    for number, mailbox in enumerate((H24, H41)):
        worker = PausedFile(tmp_path / f"{number}.json", clock=lambda: NOW)
        worker(EndpointPaused(mailbox=mailbox, problem=AWAY))
    (tmp_path / "3.json").write_bytes(b"[{")

    assert [paused.mailbox for paused in load_paused(tmp_path)] == [H24, H41]

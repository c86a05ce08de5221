"""Whose document is meant, along the whole path: what is refused, and what its recipient reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.endpoints.inbox import NOTE_SUFFIX
from bus.core.events import DeliveryHandedOver
from bus.core.wire import envelope_of
from schemas.codes import BusinessType
from schemas.document import Bussiness, Document, Organization
from schemas.envelope import Envelope, Receipt
from schemas.identifiers import MailboxName
from schemas.reading import SignatureCheck, SignatureOutcome, Source
from schemas.status import StatusReport
from tests.acceptance.packets import a_packet
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document, a_recipient, a_report
from tests.support.two_agencies import TwoAgencies, eventually, publish

UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


def of_the_other(document: Document) -> Envelope:
    """An envelope from G98, past its worker: as an agency with a worker of its own can send."""
    return envelope_of(
        document.model_copy(update={"from_agency": Organization(organ_id=RECIPIENT)}),
        sender=RECIPIENT,
        sender_mailbox=MailboxName(RECIPIENT),
        recipients=(a_recipient(SENDER),),
        sent_at=NOW,
    )


def with_content(envelope: Envelope, document: Document) -> Envelope:
    return envelope_of(
        document,
        sender=envelope.sender,
        sender_mailbox=envelope.sender_mailbox,
        recipients=envelope.recipients,
        sent_at=NOW,
    )


def reported_by_the_other(report: StatusReport) -> Envelope:
    return envelope_of(
        Receipt(report=report),
        sender=RECIPIENT,
        sender_mailbox=MailboxName(RECIPIENT),
        recipients=(a_recipient(SENDER),),
        sent_at=NOW,
    )


def a_recall(target: str, **changes: object) -> Document:
    block = Bussiness(type=BusinessType.RECALL, target_document_id=target, reason="Ban hành nhầm")
    return a_document(document_id=target, bussiness=block, **changes)


def notes(axis: TwoAgencies, code: str, folder: str) -> list[Any]:
    found = sorted((axis.folder(code) / "inbox" / folder).glob("*.check.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in found]


@pytest.mark.parametrize("target", [a_document().document_id, "h98;12/03/2026;147/UBND-VP"])
async def test_a_recall_of_a_document_that_names_its_own_recipient_is_refused(
    tmp_path: Path, target: str
) -> None:
    """H98's system is shown no recall by G98 of what H98 itself wrote."""
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, of_the_other(a_recall(target)), to=SENDER)
        await eventually(lambda: axis.failures)

    assert axis.failed()[0].problem.code == "E_NOT_OWNER"
    assert axis.documents(SENDER) == []


async def test_content_that_bears_the_name_of_another_is_refused(tmp_path: Path) -> None:
    """G98 signs and sends what says that H98 wrote it; and a status that names another receiver."""
    axis = TwoAgencies(tmp_path)
    impostor = of_the_other(a_document(document_id=UUID))
    theirs = impostor.document.model_copy(  # type: ignore[union-attr]
        update={"from_agency": Organization(organ_id="000.00.00.H98")}
    )
    async with axis.running():
        await publish(axis, with_content(impostor, theirs), to=SENDER)
        await publish(axis, reported_by_the_other(a_report(to_organ_id=RECIPIENT)), to=SENDER)
        await publish(
            axis,
            reported_by_the_other(a_report(from_agency=Organization(organ_id=SENDER))),
            to=SENDER,
        )
        await eventually(lambda: len(axis.failures) == 3)

    assert {failed.problem.code for failed in axis.failed()} == {"E_FORGED"}
    assert axis.documents(SENDER) == axis.statuses(SENDER) == []


async def test_an_original_that_says_something_else_is_not_handed_over(tmp_path: Path) -> None:
    """G98 signs one document, and claims that the bytes of another are its verified original."""
    axis = TwoAgencies(tmp_path)
    other = a_packet(sender=SENDER, receivers=[RECIPIENT], number="666")
    writer = axis.parts.attachments.begin()
    writer.write(other)
    kept = writer.keep()
    claimed = of_the_other(a_document(document_id=UUID)).model_copy(
        update={
            "source": Source(format="edxml", size=kept.size, sha256=kept.sha256),
            "source_signature": SignatureCheck(outcome=SignatureOutcome.VERIFIED, signer="CN=H98"),
        }
    )
    async with axis.running():
        await publish(axis, claimed, to=SENDER)
        await eventually(lambda: axis.documents(SENDER))

    [name] = [each for each in axis.documents(SENDER) if not each.endswith(NOTE_SUFFIX)]
    handed = (axis.folder(SENDER) / "inbox/documents" / name).read_text(encoding="utf-8")
    [note] = notes(axis, SENDER, "documents")
    assert "666" not in handed
    assert UUID in handed
    assert [warned["code"] for warned in note["warnings"]] == ["W_ORIGINAL_DIFFERS"]
    assert "header_signature" not in note


async def test_a_recall_says_whose_document_is_meant(tmp_path: Path) -> None:
    """Beside the recall, in both languages, with the number that was delivered."""
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        document = a_document(document_id=UUID)
        await publish(axis, of_the_other(document), to=SENDER)
        await eventually(lambda: axis.documents(SENDER))
        await publish(axis, of_the_other(a_recall(UUID)), to=SENDER)
        await eventually(lambda: notes(axis, SENDER, "documents"))

    [note] = notes(axis, SENDER, "documents")
    [about] = note["about"]
    assert (about["owner"], about["held"], about["number"]) == (RECIPIENT, True, "147/UBND-VP")
    assert RECIPIENT in about["text"]["vi"]
    assert "warnings" not in note


async def test_what_cannot_be_tied_is_handed_over_with_a_visible_warning(tmp_path: Path) -> None:
    """A recall and a status on documents that nobody here knows."""
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, of_the_other(a_recall(UUID)), to=SENDER)
        off = a_report(document_id=None, document_code="147")
        await publish(axis, reported_by_the_other(off), to=SENDER)
        await eventually(lambda: notes(axis, SENDER, "documents"))
        await eventually(lambda: notes(axis, SENDER, "statuses"))

    handed = [event.warnings for event in axis.of_type(DeliveryHandedOver)]
    assert ("W_TARGET_UNKNOWN",) in handed
    assert ("W_STATUS_TARGET_UNKNOWN",) in handed
    told = [*notes(axis, SENDER, "documents"), *notes(axis, SENDER, "statuses")]
    assert [[w["code"] for w in note["warnings"]] for note in told] == [
        ["W_TARGET_UNKNOWN"],
        ["W_STATUS_TARGET_UNKNOWN"],
    ]
    assert [note["about"][0]["held"] for note in told] == [False, False]


async def test_a_recall_whose_id_names_its_sender_needs_no_note(tmp_path: Path) -> None:
    """The id says it: nothing lies beside it."""
    axis = TwoAgencies(tmp_path)
    target = f"{RECIPIENT},2026/03/12,147/UBND-VP"
    async with axis.running():
        await publish(axis, of_the_other(a_document(document_id=target)), to=SENDER)
        await eventually(lambda: axis.documents(SENDER))
        await publish(axis, of_the_other(a_recall(target)), to=SENDER)
        await eventually(lambda: len(axis.documents(SENDER)) == 2)

    assert notes(axis, SENDER, "documents") == []


async def test_a_status_that_ties_is_handed_over_without_a_note(tmp_path: Path) -> None:
    """The rule, not the exception: nothing lies beside it."""
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "1.edxml", a_packet(sender=SENDER, receivers=[RECIPIENT], number="1"))
        await eventually(lambda: axis.statuses(SENDER))

    assert notes(axis, SENDER, "statuses") == notes(axis, RECIPIENT, "documents") == []

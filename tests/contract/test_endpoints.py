"""The kit proves our endpoint and the one of the documentation, and finds each broken promise."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pytest

from adapters.conformance.endpoints import Agency, Arrived, EndpointConformance
from adapters.contract import (
    Answer,
    EndpointContext,
    EndpointFactory,
    Offer,
    Parcel,
    ParcelKind,
    Submission,
)
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.inbox import NOTE_SUFFIX
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem
from schemas.term import foreign
from tests.support.documented import modules_of
from tests.support.folders import context_of

_PAGE = modules_of("write-an-endpoint.md")
Mailroom: Any = _PAGE["mailroom"].MailroomEndpoint
TestMailroom: Any = _PAGE["test_mailroom"].TestMailroom


class FolderAgency:
    """An agency's system that works with its folders as the manual says."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def drop(self, name: str, content: bytes) -> None:
        draft = self._root / "outbox" / f".{name}"
        draft.write_bytes(content)
        draft.rename(self._root / "outbox" / name)

    @contextmanager
    def dropping(self, name: str, content: bytes) -> Iterator[None]:
        with (self._root / "outbox" / name).open("wb", buffering=0) as file:
            file.write(content[:4])
            yield
            file.write(content[4:])

    def take_back(self, name: str) -> None:
        (self._root / "outbox" / name).unlink()

    def told(self) -> Mapping[str, Sequence[str]]:
        reports = [json.loads(path.read_bytes()) for path in self._root.glob("refused/*.json")]
        return {told["file"]: [each["code"] for each in told["problems"]] for told in reports}

    @contextmanager
    def away(self) -> Iterator[None]:
        elsewhere = self._root.with_name(".away")
        self._root.rename(elsewhere)
        yield
        elsewhere.rename(self._root)

    def take(self, kind: ParcelKind) -> Sequence[Arrived]:
        taken = []
        for path in sorted((self._root / "inbox" / kind).iterdir()):
            if not path.name.endswith(NOTE_SUFFIX):
                beside = path.with_name(path.name + NOTE_SUFFIX)
                note = beside.read_bytes() if beside.exists() else None
                taken.append(Arrived(name=path.name, content=path.read_bytes(), note=note))
                path.unlink()
                beside.unlink(missing_ok=True)
        return taken

    @contextmanager
    def refusing(self) -> Iterator[None]:
        (self._root / "refusing").touch()
        yield
        (self._root / "refusing").unlink()


class TestFolderEndpoint(EndpointConformance):
    factory = FolderEndpoint
    settings = {"settle": "0.02"}
    wrong_settings = {"settle": "soon"}

    def agency(self, context: EndpointContext) -> Agency:
        return FolderAgency(context.folder)


async def test_a_note_whose_parcel_was_taken_is_not_about_the_next_of_its_name(
    tmp_path: Path,
) -> None:
    endpoint, inbox = FolderEndpoint(context_of(tmp_path / "H24")), tmp_path / "H24/inbox/documents"
    for delivery in ("d1", "d2", "d3"):
        await endpoint.offer(
            Parcel(
                delivery_id=DeliveryId(delivery),
                kind=ParcelKind.DOCUMENT,
                name="same.edxml",
                chunks=[delivery.encode()],
                note=b"of " + delivery.encode(),
            )
        )
        if delivery == "d1":
            (inbox / "same.edxml").unlink()

    left = {path.name: path.read_bytes() for path in inbox.iterdir()}
    parcels = {name: content for name, content in left.items() if not name.endswith(NOTE_SUFFIX)}
    assert sorted(parcels.values()) == [b"d2", b"d3"]
    assert all(left[name + NOTE_SUFFIX] == b"of " + c for name, c in parcels.items())


# --- endpoints that break one promise each ------------------------------------------------------


class _Folder(FolderEndpoint):
    def __init__(self, context: EndpointContext) -> None:
        super().__init__(context)
        self.root = context.folder
        self.memory: dict[str, Any] = {}


class _EmptyFile(_Folder):
    def open(self, _: Submission) -> BinaryIO:
        return BytesIO()


class _ByName(_Folder):
    async def submissions(self) -> Sequence[Submission]:
        return sorted(await super().submissions(), key=lambda submission: submission.name)


class _Hasty(_Folder):
    async def submissions(self) -> Sequence[Submission]:
        files = (self.root / "outbox").iterdir()
        return [Submission(name=p.name, version="1", size=p.stat().st_size) for p in files]


class _NewVersions(_Folder):
    async def submissions(self) -> Sequence[Submission]:
        return [replace(each, version=uuid4().hex) for each in await super().submissions()]


class _TellsNothing(_Folder):
    async def refuse(self, submission: Submission, _: Sequence[Problem]) -> None:
        await super().refuse(submission, ())

    async def accept(self, submission: Submission, **_: object) -> None:
        await super().accept(submission)


class _AnyFile(_Folder):
    def open(self, submission: Submission) -> BinaryIO:
        with suppress(FileNotFoundError):
            return (self.root / "outbox" / submission.name).open("rb")
        return BytesIO()


class _EachNameOnce(_Folder):
    async def submissions(self) -> Sequence[Submission]:
        return [each for each in await super().submissions() if each.name not in self.memory]

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        self.memory[submission.name] = True
        await super().accept(submission, notices=notices)


class _NothingWaits(_Folder):
    async def oldest_waiting(self) -> datetime | None:
        return None


class _AcceptsAnyway(_Folder):
    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        with suppress(AxisError):
            await super().accept(submission, notices=notices)


class _NoticesNothing(_Folder):
    async def changed(self) -> None:
        await asyncio.Event().wait()


class _Restless(_Folder):
    async def changed(self) -> None:
        await asyncio.sleep(0)


class _OneWait(_Folder):
    async def changed(self) -> None:
        await self.memory.setdefault("wait", asyncio.ensure_future(super().changed()))


class _Renames(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        return await super().offer(replace(parcel, name=f"new-{parcel.name}"))


class _Forgetful(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        await self.forget(parcel.delivery_id)
        return await super().offer(parcel)


class _AlwaysPending(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        await super().offer(parcel)
        return Offer.PENDING


class _RemembersForever(_Folder):
    async def forget(self, delivery_id: DeliveryId) -> None:
        pass


class _NoNotes(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        return await super().offer(replace(parcel, note=None))


class _NoteByName(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        note = self.memory.setdefault(parcel.name, parcel.note)
        return await super().offer(replace(parcel, note=note))


class _ForgetsOnce(_Folder):
    async def forget(self, delivery_id: DeliveryId) -> None:
        (self.root / ".staging" / delivery_id).unlink()


class _ProbesNothing(_Folder):
    async def probe(self, *, sending: bool = False) -> None:
        pass


class _PieceByPiece(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        with (self.root / "inbox" / parcel.kind / parcel.name).open("wb", buffering=0) as file:
            for chunk in parcel.chunks:
                file.write(chunk)
        return Offer.COMPLETE


class _NoMark(_Folder):
    async def offer(self, parcel: Parcel) -> Offer:
        return await super().offer(replace(parcel, delivery_id=DeliveryId(uuid4().hex)))


class _Refusing(_Folder):
    """Refuses as it should."""

    code = "E_ENDPOINT_REFUSED"

    async def offer(self, parcel: Parcel) -> Offer:
        if (self.root / "refusing").exists():
            raise AxisError.of(self.code, agency="H24", cause=foreign("no"))
        return await super().offer(parcel)


class _RefusesAsDown(_Refusing):
    code = "E_ENDPOINT_DOWN"


class _NeedsItsSystem(_Folder):
    def __init__(self, context: EndpointContext) -> None:
        if context.state.exists() and not context.folder.exists():
            raise FileNotFoundError(context.folder)
        super().__init__(context)


class _AnySetting(_Folder):
    def __init__(self, context: EndpointContext) -> None:
        super().__init__(replace(context, settings={}))


class _LeavesATask(_Folder):
    def __init__(self, context: EndpointContext) -> None:
        super().__init__(context)
        self.memory["task"] = asyncio.ensure_future(asyncio.Event().wait())


class _AnswersOnce(Mailroom):  # type: ignore[misc]
    async def answers(self) -> Sequence[Answer]:
        answers: Sequence[Answer] = await super().answers()
        for answer in answers:
            await self.forget(answer.delivery_id)
        return answers


class _NoticesNoAnswer(Mailroom):  # type: ignore[misc]
    async def changed(self) -> None:
        await asyncio.Event().wait()


BROKEN: Mapping[str, EndpointFactory] = {
    "a_complete_file_is_submitted_and_can_be_read": _EmptyFile,
    "files_are_submitted_oldest_first": _ByName,
    "a_file_is_not_submitted_while_it_is_being_written": _Hasty,
    "a_file_is_submitted_until_it_is_accepted": _NewVersions,
    "a_refused_file_is_told_with_its_reasons": _TellsNothing,
    "refused_receivers_of_an_accepted_file_are_told": _TellsNothing,
    "a_file_may_be_taken_back": _AnyFile,
    "a_file_may_be_replaced": _AnyFile,
    "a_name_may_be_used_again": _EachNameOnce,
    "the_oldest_file_that_waits_is_known": _NothingWaits,
    "nothing_is_accepted_or_refused_while_the_system_is_away": _AcceptsAnyway,
    "a_new_file_ends_the_wait_for_a_change": _NoticesNothing,
    "waiting_for_a_change_is_no_busy_loop": _Restless,
    "a_wait_that_was_cancelled_harms_no_other": _OneWait,
    "a_parcel_arrives_as_it_is": _Renames,
    "a_delivery_arrives_once": _Forgetful,
    "what_is_offered_is_answered_as_declared": _AlwaysPending,
    "a_forgotten_delivery_may_be_offered_again": _RemembersForever,
    "a_note_arrives_with_its_parcel": _NoNotes,
    "parcels_with_one_name_are_told_apart": _NoteByName,
    "forgetting_is_harmless": _ForgetsOnce,
    "a_system_that_is_away_says_so": _ProbesNothing,
    "nothing_is_seen_before_it_is_whole": _PieceByPiece,
    "many_parcels_at_once_all_arrive": _PieceByPiece,
    "the_same_delivery_many_times_at_once_arrives_once": _NoMark,
    "a_later_answer_is_given_until_it_is_forgotten": _AnswersOnce,
    "a_later_answer_ends_the_wait_for_a_change": _NoticesNoAnswer,
    "an_offer_that_is_refused_at_once_says_so": _RefusesAsDown,
    "it_is_built_while_its_system_is_away": _NeedsItsSystem,
    "a_wrong_setting_is_a_mistake_of_the_operator": _AnySetting,
    "nothing_goes_on_after_the_end": _LeavesATask,
}


def _kit(broken: EndpointFactory) -> Any:
    """The kit as the author of this endpoint would declare it."""
    later = isinstance(broken, type) and issubclass(broken, Mailroom)

    class Declared(TestMailroom if later else TestFolderEndpoint):  # type: ignore[misc]
        factory = broken
        patience_seconds = 1.0
        refuses = isinstance(broken, type) and issubclass(broken, _Refusing)

    return Declared()


def test_a_system_that_refuses_at_once_passes() -> None:
    _kit(_Refusing).test_an_offer_that_is_refused_at_once_says_so()


@pytest.mark.parametrize("promise", BROKEN)
def test_the_kit_finds_the_endpoint_that_breaks_a_promise(promise: str) -> None:
    with pytest.raises((AssertionError, OSError)) as caught:
        getattr(_kit(BROKEN[promise]), f"test_{promise}")()

    assert caught.type is not AssertionError or str(caught.value).startswith("not kept: ")


def test_an_endpoint_is_broken_for_every_promise() -> None:
    promises = {name for name in dir(EndpointConformance) if name.startswith("test_")}

    assert promises == {f"test_{promise}" for promise in BROKEN}

"""The folder endpoint keeps every promise of the contract, and the kit notices who does not."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.conformance.endpoints import Agency, EndpointConformance
from adapters.contract import Endpoint, EndpointContext, Offer, Parcel, ParcelKind, Submission
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.inbox import NOTE_SUFFIX
from schemas.problem import Problem
from tests.support.folders import context_of

SETTLE = timedelta(milliseconds=20)


class FolderAgency:
    """An agency's system that works with its folders as the manual tells."""

    def __init__(self, root: Path, kind: type[FolderEndpoint] = FolderEndpoint) -> None:
        self._root = root
        self._kind = kind
        self.endpoint()

    def endpoint(self) -> Endpoint:
        return self._kind(context_of(self._root, settle=SETTLE))

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

    def take(self, kind: ParcelKind) -> Mapping[str, bytes]:
        return self._take(kind, notes=False)

    def take_notes(self, kind: ParcelKind) -> Mapping[str, bytes]:
        return self._take(kind, notes=True)

    def _take(self, kind: ParcelKind, *, notes: bool) -> Mapping[str, bytes]:
        taken = {}
        for path in (self._root / "inbox" / kind).iterdir():
            if path.name.endswith(NOTE_SUFFIX) is notes:
                taken[path.name.removesuffix(NOTE_SUFFIX)] = path.read_bytes()
                path.unlink()
        return taken


class TestFolderEndpoint(EndpointConformance):
    def agency(self, folder: Path) -> Agency:
        return FolderAgency(folder)


class Forgetful(FolderEndpoint):
    """Hands over again what it has handed over."""

    async def offer(self, parcel: Parcel) -> Offer:
        await self.forget(parcel.delivery_id)
        return await super().offer(parcel)


class Mute(FolderEndpoint):
    """Keeps the notes."""

    async def offer(self, parcel: Parcel) -> Offer:
        return await super().offer(replace(parcel, note=None))


class Hasty(FolderEndpoint):
    """Offers whatever it sees."""

    def __init__(self, context: EndpointContext) -> None:
        super().__init__(context)
        self._root = context.folder

    async def submissions(self) -> Sequence[Submission]:
        files = (self._root / "outbox").iterdir()
        return [Submission(name=p.name, version="1", size=p.stat().st_size) for p in files]


class Silent(FolderEndpoint):
    """Keeps the reasons of a refusal to itself."""

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        await super().refuse(submission, problems[:0])


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Forgetful, "a_delivery_is_handed_over_once"),
        (Mute, "a_note_arrives_with_its_parcel"),
        (Hasty, "a_file_is_not_offered_while_it_is_being_written"),
        (Silent, "a_refused_file_is_told_with_its_reasons"),
    ],
)
def test_the_kit_notices_a_broken_promise(kind: type[FolderEndpoint], broken: str) -> None:
    class Stranger(EndpointConformance):
        def agency(self, folder: Path) -> Agency:
            return FolderAgency(folder, kind)

    with pytest.raises(AssertionError, match="not kept"):
        getattr(Stranger(), f"test_{broken}")()

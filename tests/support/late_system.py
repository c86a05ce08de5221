"""A stranger's system that takes every document durably and answers later, when the test says so.

It keeps everything in files, so it goes on after a restart. Statuses arrive in its folder at once.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from adapters.contract import Answer, EndpointContext, Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from schemas.identifiers import DeliveryId
from schemas.problem import Problem
from tests.support.envelopes import RECIPIENT

_AT = datetime(2019, 3, 12, 9, tzinfo=UTC)


class LateEndpoint(FolderEndpoint):
    """The recipient's documents are answered later; everything else is a folder."""

    def __init__(self, context: EndpointContext) -> None:
        super().__init__(context)
        self._system = LateSystem(context.folder) if context.agency == RECIPIENT else None

    async def offer(self, parcel: Parcel) -> Offer:
        """Take the parcel, and answer later."""
        if self._system is None or parcel.kind is not ParcelKind.DOCUMENT:
            return await super().offer(parcel)
        self._system.take(parcel)
        return Offer.PENDING

    async def answers(self) -> Sequence[Answer]:
        """What the system has said."""
        return self._system.answers() if self._system else ()

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the answer and the mark."""
        await super().forget(delivery_id)
        if self._system is not None:
            self._system.forget(delivery_id)


class LateSystem:
    """The system behind the endpoint, as its owner sees it."""

    def __init__(self, root: Path) -> None:
        self._taken, self._marks = root / "late/taken", root / "late/marks"
        self._answers = root / "late/answers"
        for folder in (self._taken, self._marks, self._answers):
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, parcel: Parcel) -> None:
        """Keep a parcel once."""
        if not (self._marks / parcel.delivery_id).exists():
            number = len(list(self._taken.iterdir()))
            (self._taken / f"{number}_{parcel.delivery_id}").write_bytes(b"".join(parcel.chunks))
            (self._marks / parcel.delivery_id).touch()

    def taken(self) -> list[DeliveryId]:
        """Every parcel that was taken, in order; one that was taken twice stands here twice."""
        names = [path.name.split("_") for path in self._taken.iterdir()]
        return [DeliveryId(delivery) for _, delivery in sorted(names)]

    def marked(self) -> list[str]:
        """Offers and answers that are not forgotten."""
        return [path.name for folder in (self._marks, self._answers) for path in folder.iterdir()]

    def answer(self, delivery: DeliveryId, problem: Problem | None = None) -> None:
        """Say yes, or no with a problem."""
        said = {"problem": problem.model_dump(mode="json") if problem else None}
        draft = self._answers.parent / delivery
        draft.write_text(json.dumps(said))
        draft.rename(self._answers / delivery)

    def answers(self) -> list[Answer]:
        """What was answered and is not forgotten."""
        found = []
        for path in self._answers.iterdir():
            problem = json.loads(path.read_text())["problem"]
            found.append(
                Answer(
                    delivery_id=DeliveryId(path.name),
                    at=_AT,
                    problem=Problem.model_validate(problem) if problem else None,
                )
            )
        return found

    def forget(self, delivery: DeliveryId) -> None:
        """The answer and the mark go."""
        (self._answers / delivery).unlink(missing_ok=True)
        (self._marks / delivery).unlink(missing_ok=True)

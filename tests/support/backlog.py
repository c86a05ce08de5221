"""Backlog: a home with real letters that failed: signed, told by a worker, kept in its store."""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from bus.bootstrap.dead_letter_store import reached_letters
from bus.bootstrap.process import now
from bus.core.dead_letters.letter import DeadLetter, FailedAttempt, OrderId
from bus.core.dead_letters.report import Believed, read_attempt
from bus.core.dead_letters.retry import Disposition, RetryPolicy, decide
from bus.core.failure import Stage, fail
from bus.core.logins import WORKER_ACCOUNT
from bus.core.message import WireMessage
from bus.core.signing import sign
from bus.core.topology import DOCUMENTS, account_of, routing_key
from bus.core.wire import envelope_of
from bus.home.layout import Home
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring, load_signing_key
from bus.ports import DeadLetters
from bus.settings import Settings
from schemas.document import Document, Organization
from schemas.envelope import Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import Place, Problem
from tests.support.agencies import routing_of
from tests.support.builders import attachment
from tests.support.envelopes import a_document

AGENCIES = tuple(MailboxName(code) for code in ("G22", "H24", "H41"))
SUBJECT = "V/v rà soát danh mục mẫu"
NOW_OR_LATER = timedelta()


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """Why and when a delivery fails.

    Attributes:
        first: Number of the first attempt that fails.
        attempts: How many fail.
    """

    code: str = "E_ENDPOINT_DOWN"
    stage: Stage = Stage.HAND_OVER
    field: str | None = None
    mailbox: str = "H24"
    ago: timedelta = NOW_OR_LATER
    first: int = 1
    attempts: int = 1
    params: tuple[tuple[str, str], ...] = ()

    @property
    def problem(self) -> Problem:
        """What the worker says of it."""
        return Problem(code=self.code, place=Place(field=self.field), params=dict(self.params))


DOWN = Mishap(params=(("agency", "H24"), ("cause", "connection refused")))


@dataclass(kw_only=True)
class Backlog:
    """Fills the store of a home as the handler would, with what workers would report."""

    home: Path

    def __post_init__(self) -> None:
        self._numbers, moment = count(1), now()
        keys = Home(self.home).keys
        DevelopmentAuthority.open(keys, now=moment).ensure(AGENCIES, now=moment)
        self._believed = Believed(keys=load_ring(keys), routing=routing_of(AGENCIES))

    def letters(self) -> AbstractAsyncContextManager[DeadLetters]:
        """The store that the commands open."""
        return reached_letters(Settings(home=self.home))

    def delivery(
        self,
        number: str = "147",
        *,
        sender: str = "G22",
        to: str = "H24",
        recipients: Iterable[Recipient] = (),
        **changes: object,
    ) -> WireMessage:
        """A signed document as the sender's worker publishes it."""
        mailbox, moment = MailboxName(sender), now()
        one = Recipient(agency=AgencyCode(to), mailbox=MailboxName(to))
        envelope = envelope_of(
            _document(number, sender, to, changes),
            sender=AgencyCode(sender),
            sender_mailbox=mailbox,
            recipients=tuple(recipients) or (one,),
            sent_at=moment,
        )
        # Not held to the wire's bounds: a stranger's worker signs what it likes.
        body = envelope.to_json()
        key = load_signing_key(Home(self.home).keys, mailbox, now=moment)
        return WireMessage(
            exchange=DOCUMENTS,
            routing_key=routing_key(mailbox, MailboxName(to), envelope.lane, envelope.kind),
            body=body,
            type=envelope.kind,
            message_id=f"m{next(self._numbers)}",
            signature=sign(body, key=key, now=moment),
            user_id=account_of(mailbox),
            timestamp=moment,
        )

    def fails(self, delivery: WireMessage | None = None, mishap: Mishap = DOWN) -> DeadLetter:
        """A delivery fails: the letter as it stands then."""
        return asyncio.run(self._record([delivery or self._another(mishap)], mishap))[0]

    def many(self, number: int, mishap: Mishap = DOWN, **changes: object) -> list[DeadLetter]:
        """Several documents fail for one reason."""
        deliveries = [self._another(mishap, **changes) for _ in range(number)]
        return asyncio.run(self._record(deliveries, mishap))

    def carry_out(self, order_id: OrderId, *, at_most: int = 1000) -> None:
        """Do for a replay what the handler does, without a broker to publish to."""
        asyncio.run(self._carry_out(order_id, at_most))

    def letter(self, letter_id: str) -> DeadLetter:
        """A letter as it stands now."""

        async def read() -> DeadLetter:
            async with self.letters() as letters:
                return await letters.letter(letter_id)

        return asyncio.run(read())

    def _another(self, mishap: Mishap, **changes: object) -> WireMessage:
        number = str(next(self._numbers))
        return self.delivery(number, to=mishap.mailbox, **changes)  # type: ignore[arg-type]

    async def _record(self, deliveries: Iterable[WireMessage], mishap: Mishap) -> list[DeadLetter]:
        async with self.letters() as letters:
            failing = (self._fail(letters, delivery, mishap) for delivery in deliveries)
            return list(await asyncio.gather(*failing))

    async def _fail(
        self, letters: DeadLetters, delivery: WireMessage, mishap: Mishap
    ) -> DeadLetter:
        moment, mailbox = now() - mishap.ago, MailboxName(mishap.mailbox)
        for number in range(mishap.first, mishap.first + mishap.attempts):
            told = fail(
                replace(delivery, attempt=number, message_id=f"m{next(self._numbers)}"),
                problem=mishap.problem,
                stage=mishap.stage,
                mailbox=mailbox,
                message_id=f"m{next(self._numbers)}",
                user_id=WORKER_ACCOUNT,
                now=moment,
            )
            attempt = read_attempt(told, self._believed, now=moment)
            recorded = await letters.record(attempt, _as_shipped, now=moment)
        return recorded.letter

    async def _carry_out(self, order_id: OrderId, at_most: int) -> None:
        async with self.letters() as letters:
            found = await letters.next_of(order_id, limit=at_most)
            await letters.replayed(order_id, [each.letter.id for each in found], now=now())


def _as_shipped(attempt: FailedAttempt, attempts: int, replays: int) -> Disposition:
    return decide(
        attempt.failure.failure_class,
        attempts=attempts,
        replays=replays,
        policy=RetryPolicy(),
        now=now(),
        jitter=0,
    )


def _document(number: str, sender: str, to: str, changes: dict[str, object]) -> Document:
    code = f"000.00.00.{sender}"
    told: dict[str, object] = {
        "from_agency": Organization(organ_id=code),
        "to_agencies": (Organization(organ_id=f"000.00.00.{to}"),),
        "document_id": f"{code},2026/03/12,{number}/UBND-VP",
        "number": number,
        "subject": SUBJECT,
        "attachments": (attachment(f"{number}-ubnd.pdf", b"%PDF-1.7\n"),),
    }
    return a_document(**(told | changes))

"""Dead-letter handler: records failures as rows, and publishes rows to their mailboxes again.

Recording: commit the row → acknowledge. Redelivering: publish → confirm → mark the row. A crash
between two steps is harmless: an attempt that is reported twice is counted once, and a delivery
that is published twice is handed over once. `core.dead_letters.report` decides what is believed of
a failure, and `core.dead_letters.retry` what happens next. A letter that causes an error is parked
alone; the others go on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bus.core.crash import cause_of
from bus.core.dead_letters.letter import FailedAttempt, LetterId, LetterState, redelivery
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.core.dead_letters.report import (
    Believed,
    failed_here,
    knows_its_way,
    read_attempt,
    set_aside,
    way_back,
)
from bus.core.dead_letters.retry import Disposition, RetryPolicy, decide
from bus.core.events import FailureRecorded, ForgeryRefused, LettersRedelivered, ServiceName
from bus.core.failure import Stage, internal
from bus.core.message import WireMessage
from bus.core.signing import may_be_known
from bus.core.topology import FAILURES, REDELIVERY
from bus.core.trace import TRACEPARENT, processing, sending, trace_id
from bus.ports import (
    Clock,
    DeadLetters,
    Jitter,
    LookAgain,
    NewId,
    Observer,
    Publisher,
    PublishOutcome,
    ReceivedMessage,
    Role,
    Settlement,
    StoredLetter,
    Subscriber,
    Tracer,
    Untraced,
    nothing_new,
)
from bus.services.retry_wait import RetryWait, Stopping
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem, TransportError
from schemas.term import term

AT_ONCE = 500
"""How many letters are read, published and marked together."""

_FULL = timedelta(minutes=1)
"""After how long a retry is repeated whose mailbox was full."""

_STRETCHES = 2
"""How many batches of one order are published or marked while the next one is read."""

_SELF, _STAGE = MailboxName(FAILURES), ServiceName.DEAD_LETTERS


@dataclass(kw_only=True)
class DeadLetterHandler:
    """The only consumer of `failures` and the only publisher to `redelivery`.

    Attributes:
        believed: Certificates and directory as they are now.
        poll: How often the handler looks for due rows and new orders.
        prefetch: How many failures are recorded at the same time.
    """

    letters: DeadLetters
    subscriber: Subscriber
    publisher: Publisher
    believed: Callable[[], Believed]
    policy: RetryPolicy
    clock: Clock
    new_id: NewId
    jitter: Jitter
    observe: Observer
    deadline: timedelta
    poll: timedelta
    prefetch: int = 200
    tracer: Tracer = field(default_factory=Untraced)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    look_again: LookAgain = nothing_new

    async def run(self) -> None:
        """Record, retry and replay until `stop` is set."""
        async with (
            self.subscriber.subscribe(FAILURES, self._take, prefetch=self.prefetch),
            asyncio.TaskGroup() as work,
        ):
            work.create_task(self._again_and_again(self._retry))
            work.create_task(self._again_and_again(self._replay))

    # --- in ---

    async def _take(self, received: ReceivedMessage) -> Settlement:
        message = received.message
        before = message.headers.get(TRACEPARENT, "")
        with self.tracer.span(f"process {FAILURES}", Role.CONSUMER, parent=before) as span:
            if span.traceparent:
                span.note(processing(message, queue=FAILURES))
            return await self._take_traced(message)

    async def _take_traced(self, message: WireMessage) -> Settlement:
        attempt: FailedAttempt | None = None
        retry_wait = self._retry_wait()
        while True:
            try:
                attempt = attempt or await self._read(message)
                await self._record(attempt, message)
            except TransportError as error:
                problem = error.problem
            except Exception as error:  # noqa: BLE001 (one message must not end the handler)
                problem = internal(error, stage=_STAGE)
                aside = set_aside(message, problem, now=self.clock())
                if attempt is None or attempt.letter_id != aside.letter_id:
                    attempt = aside
                    continue
            else:
                return Settlement.ACK
            try:
                await retry_wait.wait(problem)
            except Stopping:
                return Settlement.REQUEUE

    async def _read(self, message: WireMessage) -> FailedAttempt:
        if not may_be_known(message.signature, self.believed().keys):
            await self.look_again()
        return read_attempt(message, self.believed(), now=self.clock())

    async def _record(self, attempt: FailedAttempt, report: WireMessage | None = None) -> None:
        """Record a failed attempt, and report it as an event.

        Args:
            report: The message from the queue `failures`.
        """
        recorded = await self.letters.record(attempt, self._decide, now=self.clock())
        letter = recorded.letter
        if not recorded.fresh:
            return
        self.observe(
            FailureRecorded(
                mailbox=letter.mailbox,
                letter=letter.id,
                stage=attempt.failure.stage,
                failure_class=attempt.failure.failure_class,
                code=letter.problem.code,
                fingerprint=letter.fingerprint,
                state=letter.state,
                attempts=letter.attempts,
                returned=letter.returned,
                trace=trace_id(attempt.message.headers.get(TRACEPARENT, "")),
            )
        )
        if report is not None and letter.problem.code == "E_REPORT_INVALID":
            self.observe(
                ForgeryRefused(
                    mailbox=letter.mailbox,
                    problem=letter.problem,
                    account=report.user_id,
                    routing_key=report.routing_key,
                    message_id=report.message_id,
                )
            )

    def _decide(self, attempt: FailedAttempt, attempts: int, replays: int) -> Disposition:
        return decide(
            attempt.failure.failure_class,
            attempts=attempts,
            replays=replays,
            policy=self.policy,
            now=self.clock(),
            jitter=self.jitter(),
        )

    # --- back ---

    async def _again_and_again(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Repeat work: at once while there is more, after `poll` when idle, later after errors."""
        retry_wait = self._retry_wait()
        while not self.stop.is_set():
            try:
                busy = await work()
            except TransportError as error:
                problem = error.problem
            except Exception as error:  # noqa: BLE001 (retries must not end with one bad row)
                problem = internal(error, stage=_STAGE)
            else:
                retry_wait = self._retry_wait()
                if not busy:
                    await self._rest(self.poll)
                continue
            try:
                await retry_wait.wait(problem)
            except Stopping:
                return

    async def _retry(self) -> bool:
        """Publish the letters that are due. Returns whether there were any."""
        due = await self.letters.due(now=self.clock(), limit=AT_ONCE)
        confirmed, failed, refused = await self._redeliver(due)
        # This runs twice a second, so it writes nothing when nothing is due.
        if confirmed:
            await self.letters.retried(confirmed, now=self.clock())
        if refused:
            # Their mailbox is full. Without this, only its letters would be read at every look.
            await self.letters.postpone(refused, until=self.clock() + _FULL)
        await self._settle(len(due) - len(refused), confirmed, failed, order=None)
        return bool(confirmed or failed)

    async def _replay(self) -> bool:
        """Carry out all running orders at the same time. Returns whether there were any."""
        running = [
            order
            for order in await self.letters.orders([OrderState.RUNNING])
            if order.action is Action.REPLAY
        ]
        ended = await asyncio.gather(*map(self._carry_out, running), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error
        return bool(running)

    async def _carry_out(self, order: Order) -> None:
        """Publish the letters of an order; letters that the broker refuses stay for the next time.

        Several batches are in work: one is read while others are published or marked.
        """
        few = AT_ONCE if order.rate is None else max(1, min(AT_ONCE, int(order.rate)))
        moving: deque[asyncio.Task[None]] = deque()
        after: LetterId | None = None
        try:
            while not self.stop.is_set():
                stretch = await self.letters.next_of(order.id, limit=few, after=after)
                if not stretch:
                    break
                after = stretch[-1].letter.id
                moving.append(asyncio.create_task(self._move(order, stretch)))
                if len(moving) > _STRETCHES:
                    await moving.popleft()
                if order.rate is not None:
                    await self._rest(timedelta(seconds=len(stretch) / order.rate))
        finally:
            # Batches in work are always finished, because they may be published already.
            ended = await asyncio.gather(*moving, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _move(self, order: Order, stretch: Sequence[StoredLetter]) -> None:
        """Publish a batch of an order, and mark the letters that the broker confirmed."""
        confirmed, failed, _ = await self._redeliver(stretch, to=order.to)
        if confirmed:
            await self.letters.replayed(order.id, confirmed, now=self.clock())
        await self._settle(len(stretch), confirmed, failed, order=order)

    async def _redeliver(
        self, stored: Sequence[StoredLetter], *, to: MailboxName | None = None
    ) -> tuple[list[LetterId], list[tuple[StoredLetter, Problem]], list[LetterId]]:
        """Publish letters. Returns those confirmed, those with a problem, and those refused."""
        outcomes = await asyncio.gather(*(self._publish(each, to) for each in stored))
        told = list(zip(stored, outcomes, strict=True))
        return (
            [each.letter.id for each, outcome in told if outcome is PublishOutcome.CONFIRMED],
            [(each, outcome) for each, outcome in told if isinstance(outcome, Problem)],
            [each.letter.id for each, outcome in told if outcome is PublishOutcome.REFUSED],
        )

    async def _publish(
        self, stored: StoredLetter, to: MailboxName | None
    ) -> PublishOutcome | Problem:
        """Publish one letter. A returned problem is the letter's: no proof, or no mailbox."""
        if not stored.message.body and stored.letter.problem.code == "E_LETTER_UNREADABLE":
            return stored.letter.problem
        try:
            outcome = await self._publish_proven(stored, to)
        except AxisError as refused:
            return refused.problem
        except Exception as error:  # noqa: BLE001 (one letter must not hold up the others)
            return internal(error, stage=_STAGE)
        if outcome is PublishOutcome.RETURNED:
            return Problem(code="E_UNROUTABLE", params={"code": to or stored.letter.mailbox})
        return outcome

    async def _publish_proven(self, stored: StoredLetter, to: MailboxName | None) -> PublishOutcome:
        letter, delivery = stored.letter, stored.message
        if not knows_its_way(delivery):
            delivery = way_back(
                delivery, mailbox=letter.mailbox, believed=self.believed(), now=self.clock()
            )
        before = delivery.headers.get(TRACEPARENT, "")
        with self.tracer.span(f"send {REDELIVERY}", Role.PRODUCER, parent=before) as span:
            message = redelivery(
                delivery,
                attempt=letter.attempts + 1,
                message_id=self.new_id(),
                now=self.clock(),
                to=to,
            )
            if span.traceparent:
                message = replace(
                    message, headers={**message.headers, TRACEPARENT: span.traceparent}
                )
                span.note(sending(message))
            return await self.publisher.publish(message, deadline=self.deadline)

    async def _settle(
        self,
        published: int,
        confirmed: Sequence[LetterId],
        failed: Sequence[tuple[StoredLetter, Problem]],
        *,
        order: Order | None,
    ) -> None:
        """Report the result as events; letters with a problem of their own have failed again.

        Raises:
            TransportError: E_PUBLISH_UNKNOWN: some letters must be published again, after a pause.
        """
        if confirmed:
            self.observe(
                LettersRedelivered(
                    count=len(confirmed),
                    order=order.id if order else None,
                    operator=order.operator if order else None,
                )
            )
        for stored, problem in failed:
            await self._fail_again(stored, problem)
        if len(confirmed) + len(failed) < published:
            raise TransportError(Problem(code="E_PUBLISH_UNKNOWN"))

    async def _fail_again(self, stored: StoredLetter, problem: Problem) -> None:
        """Record that a letter could not be published; a row that cannot be changed is parked.

        Raises:
            TransportError: The store is away.
        """
        attempt = failed_here(stored.letter, stored.message, problem, now=self.clock())
        try:
            await self._record(replace(attempt, attempt_id=f"{stored.letter.id} {self.new_id()}"))
        except TransportError:
            raise
        except Exception as error:  # noqa: BLE001 (one bad row must not stop the others)
            cause = term("crash", error=cause_of(error))
            unreadable = AxisError.of("E_LETTER_UNREADABLE", cause=cause).problem
            await self.letters.put_aside(stored.letter.id, unreadable, now=self.clock())
            told = failed_here(stored.letter, stored.message, unreadable, now=self.clock())
            self.observe(
                FailureRecorded(
                    mailbox=stored.letter.mailbox,
                    letter=stored.letter.id,
                    stage=Stage.MAILBOX,
                    failure_class=told.failure.failure_class,
                    code=unreadable.code,
                    fingerprint=told.failure.fingerprint,
                    state=LetterState.PARKED,
                    attempts=stored.letter.attempts,
                    returned=stored.letter.returned,
                )
            )

    async def _rest(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self.stop.wait()
        except TimeoutError:
            return

    def _retry_wait(self) -> RetryWait:
        return RetryWait(mailbox=_SELF, observe=self.observe, stop=self.stop, jitter=self.jitter)

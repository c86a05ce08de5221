"""Dead-letter handler: failures become rows; rows that are due, or ordered, go back to mailboxes.

In: commit the row → acknowledge. Back: publish, confirmed → mark. It may be killed anywhere in
between: an attempt that is told twice is counted once, and a delivery that is redelivered twice is
handed over once. What happens to a failure is decided in `core.dead_letters.retry`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bus.core.dead_letters.letter import FailedAttempt, LetterId, read_attempt, redelivery
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.core.dead_letters.retry import Disposition, RetryPolicy, decide
from bus.core.events import FailureRecorded, LettersRedelivered
from bus.core.failure import FailureClass, Stage, fingerprint
from bus.core.message import WireMessage
from bus.core.topology import FAILURES, REDELIVERY
from bus.core.trace import TRACEPARENT, processing, sending, trace_id
from bus.ports import (
    Clock,
    DeadLetters,
    Jitter,
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
)
from bus.services.patience import Patience, Stopping
from schemas.identifiers import MailboxName
from schemas.problem import Problem, TransportError

AT_ONCE = 500
"""Letters read, published and marked together."""

_STRETCHES = 2
"""Stretches of one order under way beside the one that is read."""

_SELF = MailboxName(FAILURES)


@dataclass(kw_only=True)
class DeadLetterHandler:
    """The only consumer of `failures` and the only publisher to `redelivery`.

    Attributes:
        mailboxes: The mailbox for each word of a routing key, as the directory is now.
        poll: How often rows that are due and new orders are looked for.
        prefetch: Failures recorded at the same time.
    """

    letters: DeadLetters
    subscriber: Subscriber
    publisher: Publisher
    mailboxes: Callable[[], Mapping[str, MailboxName]]
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
        with self.tracer.step(f"process {FAILURES}", Role.CONSUMER, parent=before) as step:
            if step.traceparent:
                step.note(processing(message, queue=FAILURES))
            return await self._take_traced(message)

    async def _take_traced(self, message: WireMessage) -> Settlement:
        attempt = read_attempt(message, self.mailboxes(), now=self.clock())
        patience = self._patience()
        while True:
            try:
                await self._record(attempt)
            except TransportError as error:
                try:
                    await patience.wait(error.problem)
                except Stopping:
                    return Settlement.REQUEUE
            else:
                return Settlement.ACK

    async def _record(self, attempt: FailedAttempt) -> None:
        recorded = await self.letters.record(attempt, self._decide, now=self.clock())
        letter = recorded.letter
        if recorded.fresh:
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
        """Work while there is some, then rest; wait out what the world prevents."""
        patience = self._patience()
        while not self.stop.is_set():
            try:
                busy = await work()
                patience = self._patience()
                if not busy:
                    await self._rest(self.poll)
            except TransportError as error:
                try:
                    await patience.wait(error.problem)
                except Stopping:
                    return

    async def _retry(self) -> bool:
        """Redeliver what is due; whether there was anything."""
        due = await self.letters.due(now=self.clock(), limit=AT_ONCE)
        confirmed, absent = await self._redeliver(due)
        # Nothing is written when nothing is due, which is asked for twice a second.
        if confirmed:
            await self.letters.retried(confirmed, now=self.clock())
        await self._settle(due, confirmed, absent, order=None)
        return bool(due)

    async def _replay(self) -> bool:
        """Carry out the orders that run, side by side; whether there was any."""
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
        """Go through an order once; what the broker did not take is left for the next time.

        A few stretches are under way at a time: one is read while others are published or marked.
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
            # What is under way is always finished: it may be published already.
            ended = await asyncio.gather(*moving, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _move(self, order: Order, stretch: Sequence[StoredLetter]) -> None:
        """Publish a stretch of an order, and mark what was confirmed."""
        confirmed, absent = await self._redeliver(stretch, to=order.to)
        if confirmed:
            await self.letters.replayed(order.id, confirmed, now=self.clock())
        await self._settle(stretch, confirmed, absent, order=order)

    async def _redeliver(
        self, stored: Sequence[StoredLetter], *, to: MailboxName | None = None
    ) -> tuple[list[LetterId], list[StoredLetter]]:
        """Publish; the letters that were confirmed, and those whose mailbox does not exist."""
        outcomes = await asyncio.gather(*(self._publish(each, to) for each in stored))
        told = list(zip(stored, outcomes, strict=True))
        return (
            [each.letter.id for each, outcome in told if outcome is PublishOutcome.CONFIRMED],
            [each for each, outcome in told if outcome is PublishOutcome.RETURNED],
        )

    async def _publish(self, stored: StoredLetter, to: MailboxName | None) -> PublishOutcome:
        letter = stored.letter
        before = stored.message.headers.get(TRACEPARENT, "")
        with self.tracer.step(f"send {REDELIVERY}", Role.PRODUCER, parent=before) as step:
            message = redelivery(
                stored.message,
                attempt=letter.attempts + 1,
                message_id=self.new_id(),
                now=self.clock(),
                reroute=(letter.mailbox, to) if to else None,
            )
            if step.traceparent:
                message = replace(
                    message, headers={**message.headers, TRACEPARENT: step.traceparent}
                )
                step.note(sending(message))
            return await self.publisher.publish(message, deadline=self.deadline)

    async def _settle(
        self,
        stretch: Sequence[StoredLetter],
        confirmed: Sequence[LetterId],
        absent: Sequence[StoredLetter],
        *,
        order: Order | None,
    ) -> None:
        """Tell what was done; what no mailbox took has failed again.

        Raises:
            TransportError: E_PUBLISH_UNKNOWN: some must be tried again, after a pause.
        """
        if confirmed:
            self.observe(
                LettersRedelivered(
                    count=len(confirmed),
                    order=order.id if order else None,
                    operator=order.operator if order else None,
                )
            )
        for stored in absent:
            await self._record(self._unroutable(stored))
        if len(confirmed) + len(absent) < len(stretch):
            raise TransportError(Problem(code="E_PUBLISH_UNKNOWN"))

    def _unroutable(self, stored: StoredLetter) -> FailedAttempt:
        """The attempt that failed because the mailbox is gone from the broker."""
        letter, now = stored.letter, self.clock()
        attempt = read_attempt(stored.message, self.mailboxes(), now=now)
        problem = Problem(code="E_UNROUTABLE", params={"code": letter.mailbox})
        failure = attempt.failure.model_copy(
            update={
                "problem": problem,
                "stage": Stage.MAILBOX,
                "failure_class": FailureClass.SENDER,
                "mailbox": letter.mailbox,
                "fingerprint": fingerprint(Stage.MAILBOX, problem, letter.mailbox),
                "attempt": letter.attempts + 1,
                "failed_at": now,
            }
        )
        return replace(
            attempt, letter_id=letter.id, attempt_id=f"{letter.id} {self.new_id()}", failure=failure
        )

    async def _rest(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self.stop.wait()
        except TimeoutError:
            return

    def _patience(self) -> Patience:
        return Patience(mailbox=_SELF, observe=self.observe, stop=self.stop, jitter=self.jitter)

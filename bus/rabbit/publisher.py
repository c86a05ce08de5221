"""RabbitPublisher: mandatory, persistent, confirmed; an outcome for every publish in time."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import takewhile

from aiormq.abc import AbstractChannel

from bus.core.message import WireMessage
from bus.ports import PublishOutcome
from bus.rabbit import frames
from bus.rabbit.bypass import Bypass, Hearing
from bus.rabbit.connection import CLOSE_TIMEOUT, Link, LostError, noticing_loss
from schemas.envelope import MAX_BODY_BYTES
from schemas.problem import DocumentError

WINDOW = 200
"""Publishes in flight. One by one gives 615/s, a window of 200 3,775/s (1 kB, quorum queue)."""

_DRAIN_FROM_BYTES = 64 * 1024
_DOUBT = timedelta(seconds=3)
"""How long a channel to a cluster may owe an answer. p99 is 0.4 s under full load."""


class RabbitPublisher:
    """Publishes over one channel of its own link.

    A publish that the broker refuses by closing the channel (a wrong `user_id`, no permission)
    takes its siblings in flight down with it: they are `UNKNOWN`, and sent again by who sent
    them. That is why the two refusals that can be foreseen are made here, before the wire.

    Args:
        account: The broker account of the link: the broker lets no other be named.
        impersonates: The account has the tag `impersonator` and may name any.
    """

    def __init__(
        self, link: Link, *, account: str, impersonates: bool = False, window: int = WINDOW
    ) -> None:
        self._link = link
        self._account = account
        self._impersonates = impersonates
        self._window = asyncio.Semaphore(window)
        self._outlet: _Outlet | None = None
        self._opening = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """As promised by the port; a foreign `user_id` is `REFUSED` without being sent."""
        size = len(message.body)
        if size > MAX_BODY_BYTES:
            raise DocumentError.of("E_TOO_LARGE", size=size, limit=MAX_BODY_BYTES)
        user_id = message.user_id or self._account
        if user_id != self._account and not self._impersonates:
            return PublishOutcome.REFUSED
        until = asyncio.get_running_loop().time() + deadline.total_seconds()
        try:
            outlet = await self._turn(until)
        except (LostError, TimeoutError):
            return PublishOutcome.UNKNOWN
        try:
            answer = outlet.send(message, user_id)
            timer = self._timer(outlet, answer, until)
            try:
                if size >= _DRAIN_FROM_BYTES:
                    await outlet.drain(until)
                return await answer
            finally:
                timer.cancel()
        finally:
            self._window.release()

    def _timer(self, outlet: "_Outlet", answer: "_Answer", until: float) -> asyncio.TimerHandle:
        """Give up in time. One of its own is cheaper than `asyncio.timeout` around it all."""
        loop = asyncio.get_running_loop()
        doubtful = loop.time() + _DOUBT.total_seconds()
        if self._link.several and doubtful < until:
            return loop.call_at(doubtful, self._doubt, outlet, answer)
        return loop.call_at(until, _give_up, answer)

    def _doubt(self, outlet: "_Outlet", answer: "_Answer") -> None:
        """Leave a channel to a cluster that does not answer; what is in flight on it is unknown.

        Seen on 3.10.8: a channel whose first publish to a quorum queue comes while the leader's
        node is frozen, and not yet given up by the others, never hears of the new leader. Another
        channel finds it.
        """
        if answer.done():
            return
        # An alarm is no reason: the broker reads nothing from this connection then.
        if self._outlet is outlet and not self._link.blocked:
            self._outlet = None
            leaving = asyncio.create_task(_leave(outlet.channel), name="leaving a channel")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        _give_up(answer)

    async def _turn(self, until: float) -> "_Outlet":
        """Wait for room in the window and for a channel. The room must be given back."""
        outlet = self._outlet
        free = outlet is not None and outlet.is_open and not self._link.blocked
        if outlet is not None and free and not self._window.locked():
            await self._window.acquire()
            return outlet
        async with asyncio.timeout_at(until):
            await self._window.acquire()
            try:
                with noticing_loss():
                    return await self._ready()
            except BaseException:
                self._window.release()
                raise

    async def _ready(self) -> "_Outlet":
        outlet = self._outlet
        if outlet is None or not outlet.is_open:
            async with self._opening:
                outlet = self._outlet
                if outlet is None or not outlet.is_open:
                    connection = await self._link.connected()
                    channel = await connection.channel(publisher_confirms=True)
                    outlet = self._outlet = _Outlet(channel, connection.bypass)
        # While an alarm lasts, the broker reads nothing from this connection.
        await outlet.channel.connection.ready()
        return outlet


class _Outlet:
    """A channel that publishes, and what it waits to hear about."""

    def __init__(self, channel: AbstractChannel, bypass: Bypass) -> None:
        self.channel = channel
        self._bypass = bypass
        self._frame_bytes = channel.connection.connection_tune.frame_max
        self._hearing = Hearing(said=self._returned, answered=self._answered)
        self._last_tag = 0
        # By delivery tag, in their order: the message's id and its answer.
        self._waiting: dict[int, tuple[str, _Answer]] = {}
        bypass.hear(channel.number, self._hearing)
        channel.closing.add_done_callback(self._lost)

    @property
    def is_open(self) -> bool:
        """Whether a publish has a chance."""
        return not (self._hearing.closed or self.channel.is_closed)

    def send(self, message: WireMessage, user_id: str) -> "_Answer":
        """Send now; the answer comes, or `UNKNOWN` when the channel dies before it."""
        data = frames.publish(
            message,
            channel=self.channel.number,
            user_id=user_id,
            frame_bytes=self._frame_bytes,
        )
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._last_tag += 1
        self._waiting[self._last_tag] = message.message_id, answer
        self._bypass.write(data)
        return answer

    async def drain(self, until: float) -> None:
        """Wait until the process has let go of most of what was sent; a loss is told elsewhere."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout_at(until):
                await self._bypass.drain()

    def _answered(self, method: bytes) -> None:
        outcome = PublishOutcome.CONFIRMED if frames.is_ack(method) else PublishOutcome.REFUSED
        tag, multiple = frames.answered(method)
        tags = takewhile(lambda t: t <= tag, list(self._waiting)) if multiple else (tag,)
        for each in tags:
            _, answer = self._waiting.pop(each)
            _settle(answer, outcome)

    def _returned(self, _: bytes, header: bytes, __: bytes) -> None:
        # Its confirmation still comes, and finds the answer given. The broker names the message
        # by nothing but its id: that must be fresh each time.
        returned = frames.properties(header).message_id
        for message_id, answer in self._waiting.values():
            if message_id == returned:
                _settle(answer, PublishOutcome.RETURNED)

    def _lost(self, _: object) -> None:
        self._bypass.forget(self.channel.number, self._hearing)
        for _, answer in self._waiting.values():
            _settle(answer, PublishOutcome.UNKNOWN)
        self._waiting.clear()


_Answer = asyncio.Future[PublishOutcome]


def _settle(answer: _Answer, outcome: PublishOutcome) -> None:
    if not answer.done():
        answer.set_result(outcome)


def _give_up(answer: _Answer) -> None:
    _settle(answer, PublishOutcome.UNKNOWN)


async def _leave(channel: AbstractChannel) -> None:
    """Close a channel that may take its time to answer."""
    with suppress(LostError), noticing_loss():
        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
            await channel.close()

"""RabbitPublisher: mandatory, persistent, confirmed; an outcome for every publish in time."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import takewhile
from math import inf

from aiormq.abc import AbstractChannel

from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS
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
_GROWN = timedelta(milliseconds=200)
"""A channel that refuses is left when it is older: a queue that is full refuses on every one."""


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
        self._doubt_seconds = _DOUBT.total_seconds() if link.several else inf
        self._leaving: set[asyncio.Task[None]] = set()

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """As promised by the port; a foreign `user_id` is `REFUSED` without being sent."""
        size = len(message.body)
        # What came with more than anybody may send is reported as it is.
        if size > MAX_BODY_BYTES and message.exchange == DOCUMENTS:
            raise DocumentError.of("E_TOO_LARGE", size=size, limit=MAX_BODY_BYTES)
        user_id = message.user_id or self._account
        if user_id != self._account and not self._impersonates:
            return PublishOutcome.REFUSED
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline.total_seconds()
        try:
            outlet = await self._turn(until)
        except (LostError, TimeoutError):
            return PublishOutcome.UNKNOWN
        try:
            answer = outlet.send(message, user_id)
            doubt = loop.time() + self._doubt_seconds
            # A timer of its own is cheaper than `asyncio.timeout` around it all.
            if until <= doubt:
                timer = loop.call_at(until, _give_up, answer)
            else:
                timer = loop.call_at(doubt, self._doubt, outlet, answer)
            try:
                if size >= _DRAIN_FROM_BYTES:
                    await outlet.drain(until)
                outcome = await answer
                if outcome is PublishOutcome.REFUSED and self._link.several and outlet.is_grown:
                    self._leave(outlet)
                return outcome
            finally:
                timer.cancel()
        finally:
            self._window.release()

    def _doubt(self, outlet: "_Outlet", answer: "_Answer") -> None:
        """The broker owes an answer for long: it is unknown, and the channel is not to be used."""
        _give_up(answer)
        # An alarm is no reason: the broker reads nothing from this connection then.
        if not self._link.blocked:
            self._leave(outlet)

    def _leave(self, outlet: "_Outlet") -> None:
        """Publish through another channel from now on; this one ends with its last answer.

        On 3.10.8 a channel that first publishes to a quorum queue while the leader's node is lost,
        and nobody else is known to lead it yet, goes on asking that node: it refuses everything,
        or answers nothing when the node is frozen, for good. Another channel finds the leader.
        """
        if self._outlet is outlet:
            self._outlet = None
            leaving = asyncio.create_task(outlet.close(_DOUBT), name="leaving a channel")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

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
        self._grown_at = asyncio.get_running_loop().time() + _GROWN.total_seconds()
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

    @property
    def is_grown(self) -> bool:
        """Whether the channel has been open for a while."""
        return asyncio.get_running_loop().time() > self._grown_at

    async def close(self, deadline: timedelta) -> None:
        """Close when all answers have come, or do not come."""
        if answers := [answer for _, answer in self._waiting.values()]:
            await asyncio.wait(answers, timeout=deadline.total_seconds())
        with suppress(LostError), noticing_loss():
            async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
                await self.channel.close()

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

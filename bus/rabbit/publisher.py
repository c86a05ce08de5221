"""RabbitPublisher: mandatory, persistent, confirmed publishes, each with an outcome in time."""

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
from bus.rabbit.connection import CLOSE_TIMEOUT, Link, LostError, noticing_loss
from bus.rabbit.frame_reader import ChannelReader, MessageTransport
from schemas.envelope import MAX_BODY_BYTES
from schemas.problem import DocumentError

WINDOW = 200
"""Publishes in flight. One by one gives 615/s, a window of 200 3,775/s (1 kB, quorum queue)."""

_DRAIN_FROM_BYTES = 64 * 1024
_DOUBT = timedelta(seconds=3)
"""How long to wait for a cluster's answer before leaving the channel (p99 at full load: 0.4 s)."""
_GROWN = timedelta(milliseconds=200)
"""A channel that refuses is left only when older: a full queue refuses on every channel."""


class RabbitPublisher:
    """Publishes over one channel of its own link.

    The broker refuses a publish with a wrong `user_id` or without permission by closing the
    channel. All other publishes in flight on it are then `UNKNOWN`, and their senders send them
    again. Therefore the publisher itself refuses the two cases that it can foresee before sending.

    Args:
        account: The broker account of the link. The broker accepts no other `user_id`.
        impersonates: The account has the tag `impersonator` and may use any `user_id`.
        window: How many publishes may be in flight.
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
        """As the port promises. Another account's `user_id` is `REFUSED` without being sent."""
        size = len(message.body)
        # Only documents are checked: a failure report carries an oversized body unchanged.
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
            # One timer is cheaper than `asyncio.timeout` around the whole block.
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
        """Give the outcome UNKNOWN to a publish without answer, and leave its channel."""
        _give_up(answer)
        # During an alarm the broker reads nothing from this connection; the channel is sound.
        if not self._link.blocked:
            self._leave(outlet)

    def _leave(self, outlet: "_Outlet") -> None:
        """Publish through another channel from now on; close this one after its last answer.

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
        """Wait for a place in the window and for a channel. The caller must release the place."""
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
                    outlet = self._outlet = _Outlet(channel, connection.messages)
        # While an alarm lasts, the broker reads nothing from this connection.
        await outlet.channel.connection.ready()
        return outlet


class _Outlet:
    """A channel that publishes, and the publishes that wait for an answer."""

    def __init__(self, channel: AbstractChannel, messages: MessageTransport) -> None:
        self.channel = channel
        self._messages = messages
        self._frame_bytes = channel.connection.connection_tune.frame_max
        self._reader = ChannelReader(on_message=self._returned, on_answer=self._answered)
        self._grown_at = asyncio.get_running_loop().time() + _GROWN.total_seconds()
        self._last_tag = 0
        # By delivery tag, in their order: the message's id and its answer.
        self._waiting: dict[int, tuple[str, _Answer]] = {}
        messages.attach(channel.number, self._reader)
        channel.closing.add_done_callback(self._lost)

    @property
    def is_open(self) -> bool:
        """Whether the channel is open, as far as we know."""
        return not (self._reader.closed or self.channel.is_closed)

    def send(self, message: WireMessage, user_id: str) -> "_Answer":
        """Send now. The future becomes the outcome; it is `UNKNOWN` if the channel dies first."""
        data = frames.publish(
            message,
            channel=self.channel.number,
            user_id=user_id,
            frame_bytes=self._frame_bytes,
        )
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._last_tag += 1
        self._waiting[self._last_tag] = message.message_id, answer
        self._messages.write(data)
        return answer

    @property
    def is_grown(self) -> bool:
        """Whether the channel has been open for longer than `_GROWN`."""
        return asyncio.get_running_loop().time() > self._grown_at

    async def close(self, deadline: timedelta) -> None:
        """Close when all answers have come or the deadline has passed."""
        if answers := [answer for _, answer in self._waiting.values()]:
            await asyncio.wait(answers, timeout=deadline.total_seconds())
        with suppress(LostError), noticing_loss():
            async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
                await self.channel.close()

    async def drain(self, until: float) -> None:
        """Wait until most of the data has left this process. `_lost` handles a lost channel."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout_at(until):
                await self._messages.drain()

    def _answered(self, method: bytes) -> None:
        outcome = PublishOutcome.CONFIRMED if frames.is_ack(method) else PublishOutcome.REFUSED
        tag, multiple = frames.answered(method)
        tags = takewhile(lambda t: t <= tag, list(self._waiting)) if multiple else (tag,)
        for each in tags:
            _, answer = self._waiting.pop(each)
            _settle(answer, outcome)

    def _returned(self, _: bytes, header: bytes, __: bytes) -> None:
        # The confirmation comes later and changes nothing. The broker names the returned message
        # only by its id, so each publish needs a new id.
        returned = frames.properties(header).message_id
        for message_id, answer in self._waiting.values():
            if message_id == returned:
                _settle(answer, PublishOutcome.RETURNED)

    def _lost(self, _: object) -> None:
        self._messages.detach(self.channel.number, self._reader)
        for _, answer in self._waiting.values():
            _settle(answer, PublishOutcome.UNKNOWN)
        self._waiting.clear()


_Answer = asyncio.Future[PublishOutcome]


def _settle(answer: _Answer, outcome: PublishOutcome) -> None:
    if not answer.done():
        answer.set_result(outcome)


def _give_up(answer: _Answer) -> None:
    _settle(answer, PublishOutcome.UNKNOWN)

"""Link: one connection to the broker that reconnects by itself.

`publisher` and `subscriber` open their channels on the connection that `connected()` returns.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Self

import aiormq
import structlog
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ConnectionNotAllowed,
    DeliveryError,
    ProbableAuthenticationError,
)
from yarl import URL

from bus.core.crash import cause_of
from bus.rabbit.addresses import Rotation, addresses_in
from bus.rabbit.frame_reader import MessageTransport
from bus.rabbit.tls import context_of
from schemas.problem import TransportError
from schemas.term import foreign

_CONNECT_TIMEOUT = timedelta(seconds=10)
# A frozen node accepts connections and sends nothing. With several nodes, try the next one soon.
_CONNECT_TIMEOUT_OF_SEVERAL = timedelta(seconds=3)
CLOSE_TIMEOUT = timedelta(seconds=5)
_HEARTBEAT_SECONDS = 20
_HEARTBEAT_SECONDS_OF_SEVERAL = 4
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=5)

DRIVER_ERRORS = (AMQPError, OSError, RuntimeError, StopAsyncIteration)
"""What aiormq raises when a connection cannot be opened or has died. `RuntimeError`: the connection
was used after its close. `StopAsyncIteration`: the other side closed the connection while aiormq
opened it; a proxy does so whose broker is not there yet."""

LOGIN_REFUSED = (AuthenticationError, ProbableAuthenticationError, ConnectionNotAllowed)
"""Raised while connecting: the broker knows no such login (403), or the account may not use the
virtual host, or may not connect again (530). Trying again does not help."""

_log = structlog.get_logger()


class LostError(Exception):
    """A connection or channel died during an operation; whether it took effect is unknown."""


def is_cancelled() -> bool:
    """Whether somebody has cancelled the current task.

    aiormq also raises `CancelledError` in every operation that waits on a dying connection.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


@contextmanager
def noticing_loss() -> Iterator[None]:
    """Raise `LostError` for every exception by which aiormq reports a lost connection or channel.

    `DeliveryError` passes unchanged: it is the broker's answer to a publish.
    """
    try:
        yield
    except DeliveryError:
        raise
    except DRIVER_ERRORS as error:
        raise LostError(repr(error)) from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise LostError("cancelled by its connection") from error


class Backoff:
    """The pause before each next try. It doubles while tries fail soon after one another.

    Random jitter spreads the tries: thousands of clients lose a broker at the same moment.

    Args:
        addresses: How many addresses there are. The pause doubles after each was tried once.
    """

    def __init__(self, addresses: int = 1) -> None:
        self._addresses = addresses
        self._longest = _FIRST_PAUSE
        self._tries = 0
        self._since = 0.0

    def started(self) -> None:
        """Note that a try begins now."""
        self._since = asyncio.get_running_loop().time()

    async def pause(self) -> None:
        """Wait after a try has ended. If it lasted longer than 5 s, start at 100 ms again."""
        held = asyncio.get_running_loop().time() - self._since
        if held > _LONGEST_PAUSE.total_seconds():
            self._longest, self._tries = _FIRST_PAUSE, 0
        longest = self._longest.total_seconds()
        self._tries += 1
        if self._tries % self._addresses == 0:
            self._longest = min(2 * self._longest, _LONGEST_PAUSE)
        await asyncio.sleep(secrets.SystemRandom().uniform(longest / 2, longest))


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task until it ends; the driver's clean-up may lose a single cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_TIMEOUT.total_seconds())


class Connection(aiormq.Connection):
    """aiormq's connection, whose messages go through `MessageTransport`."""

    def __init__(self, url: URL, *, name: str) -> None:
        self.messages = MessageTransport(blocked=self._told_blocked)
        self._link = name
        super().__init__(
            url,
            context=context_of(str(url)),
            transport_factory=self.messages,
            client_properties={"connection_name": name},
        )

    def _told_blocked(self, blocked: bool) -> None:
        """Log at once: a publisher would report the block only when its deadline is over."""
        if blocked:
            _log.error("broker_blocked", link=self._link, node=_node(self))
        else:
            _log.info("broker_unblocked", link=self._link, node=_node(self))


class _Alert(Connection):
    """A connection to one of several nodes. It closes when the node is silent for 5 to 7 s.

    The broker sends something at least every half interval (RabbitMQ manual, Heartbeats), so two
    heartbeats in a row are missing by then; aiormq checks every half interval. A false alarm costs
    a reconnect: messages in flight are sent again, and the duplicate rule absorbs them (decision
    record 0014).
    """

    HEARTBEAT_GRACE_MULTIPLIER = 1


class Link:
    """Keeps a connection to any node of a cluster from `open` to `close`; reconnects after a loss.

    The driver is aiormq, not aio-pika above it: aio-pika's robust connection restores channels and
    consumers without telling its user, and its message objects cost a quarter of a hop.

    Args:
        url: One AMQP URL with one host, or with the hosts of all nodes, separated by commas.
        name: The name that the broker's management interface shows for this connection.
    """

    def __init__(self, url: str, *, name: str) -> None:
        addresses = addresses_in(url)
        self._rotation = Rotation(addresses, start=secrets.randbelow(len(addresses)))
        self._name = name
        self._up: asyncio.Future[Connection] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._last_error = "not connected yet"

    def open(self) -> Self:
        """Begin to connect. Return at once."""
        self._up = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(), name=f"link {self._name}")
        return self

    async def close(self) -> None:
        """Stop reconnecting and close the connection."""
        if self._keeper is not None:
            await ended(self._keeper)
            self._keeper = None

    async def connected(self) -> Connection:
        """Wait without limit for an open connection and return it. The caller sets a deadline."""
        if self._up is None:
            raise RuntimeError("the link is not open")
        while True:
            connection = await asyncio.shield(self._up)
            if not connection.is_closed:
                return connection
            # The connection has closed, and the task that reconnects has not run yet.
            await asyncio.sleep(0)

    @property
    def connection(self) -> Connection | None:
        """The open connection, or None."""
        up = self._up
        if up is None or not up.done() or up.cancelled() or up.result().is_closed:
            return None
        return up.result()

    @property
    def several(self) -> bool:
        """Whether the URL names more than one node."""
        return len(self._rotation) > 1

    @property
    def blocked(self) -> bool:
        """Whether the broker has told this connection to stop publishing (alarm)."""
        connection = self.connection
        if connection is None:
            return False
        # aiormq offers only `ready()`, which suspends while the connection is blocked.
        ready = connection.ready()
        try:
            ready.send(None)
        except StopIteration:
            return False
        ready.close()
        return True

    async def wait(self, deadline: timedelta) -> None:
        """Wait for the first connection.

        Raises:
            TransportError: E_BROKER_AWAY, with the cause of the last failed try.
        """
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await self.connected()
        except TimeoutError as error:
            raise TransportError.of("E_BROKER_AWAY", cause=foreign(self._last_error)) from error

    async def _keep(self) -> None:
        timeout = _CONNECT_TIMEOUT_OF_SEVERAL if self.several else _CONNECT_TIMEOUT
        backoff = Backoff(len(self._rotation))
        while True:
            backoff.started()
            connection = self._connection()
            try:
                with noticing_loss():
                    async with asyncio.timeout(timeout.total_seconds()):
                        await connection.connect()
                self._announce(connection)
                await asyncio.wait([connection.closing])
                self._lost("broker_lost", connection, _reason(connection))
            except LostError as error:
                self._lost("broker_not_reached", connection, str(error))
            except Exception as error:  # noqa: BLE001 (no bytes from the peer may end this task)
                self._lost("broker_not_reached", connection, cause_of(error))
            finally:
                self._rotation.turn()
                self._withdraw()
                await _close(connection)
            await backoff.pause()

    def _connection(self) -> Connection:
        url = URL(self._rotation.current)
        # A silent network is noticed within three heartbeats; aiormq's default is one a minute.
        kind, beat = Connection, _HEARTBEAT_SECONDS
        if self.several:
            kind, beat = _Alert, _HEARTBEAT_SECONDS_OF_SEVERAL
        return kind(url.update_query({"heartbeat": beat, **url.query}), name=self._name)

    def _lost(self, event: str, connection: Connection, cause: str) -> None:
        self._last_error = cause
        _log.warning(event, link=self._name, node=_node(connection), cause=cause)

    def _announce(self, connection: Connection) -> None:
        _log.info("broker_connected", link=self._name, node=_node(connection))
        if self._up is not None and not self._up.done():
            self._up.set_result(connection)

    def _withdraw(self) -> None:
        if self._up is not None and self._up.done():
            self._up = asyncio.get_running_loop().create_future()


def _node(connection: Connection) -> str:
    """Host and port for the log, never the password."""
    return f"{connection.url.host}:{connection.url.port}"


def _reason(connection: Connection) -> str:
    closing = connection.closing
    if closing.cancelled():
        return "closed"
    return repr(closing.exception())


async def _close(connection: Connection) -> None:
    try:
        with suppress(LostError), noticing_loss():
            await connection.close()
    except Exception as error:  # noqa: BLE001 (the connection is not used again)
        _log.warning("broker_close_failed", node=_node(connection), cause=repr(error))
    await _release_writers(connection)


async def _release_writers(connection: Connection) -> None:
    """Wake the tasks that wait to write to a dead connection; aiormq would never wake them.

    Each task then finds its channel closed.
    """
    while not connection.write_queue.empty():
        connection.write_queue.get_nowait()
        await asyncio.sleep(0)

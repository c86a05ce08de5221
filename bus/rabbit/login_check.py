"""Login check: whether an account may log in and consume from its queues, and if not, why.

The check runs before work begins, so that a mistake of configuration is not retried for ever. It
takes, sends and declares nothing.
"""

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import aiormq
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionClosed,
    ProbableAuthenticationError,
)
from pamqp.commands import Connection as Frames

from bus.rabbit.addresses import addresses_in
from bus.rabbit.connection import noticing_loss
from bus.rabbit.tls import account_in, context_of
from schemas.problem import AxisError, ConfigurationError, TransportError
from schemas.term import foreign

_TIMEOUT = timedelta(seconds=10)
_CLOSE_TIMEOUT = timedelta(seconds=2)
_REFUSED = 403
# A priority is a number. The broker checks the right to read first (RabbitMQ manual, Access
# Control), so that this shows it without becoming a consumer.
_NO_PRIORITY: Any = {"x-priority": "none"}


async def check_login(url: str, queues: Sequence[str]) -> None:
    """Log in at any node, and check that these queues exist and may be read.

    Args:
        url: As for `RabbitBroker`.

    Raises:
        ConfigurationError: An operator must act. E_SETTING: a file of the URL cannot
            be used. E_BROKER_LOGIN: the login is refused. E_BROKER_CERTIFICATE: the broker's
            certificate is not trusted. E_BROKER_RIGHTS: no right to the virtual host or a queue.
        TransportError: Another try may succeed. E_BROKER_AWAY: no broker answers. E_BROKER_LIMIT:
            the account may open no connection now. E_BROKER_QUEUE: a queue is not there.
    """
    refused: AxisError | None = None
    for address in addresses_in(url):
        try:
            await _check_address(address, queues)
        except TransportError as error:
            refused = refused or error
        except ConfigurationError as error:
            # The refusal of one node is more useful than the absence of another.
            refused = error if not isinstance(refused, ConfigurationError) else refused
        else:
            return
    if refused is not None:
        raise refused


async def _check_address(address: str, queues: Iterable[str]) -> None:
    connection = _Telling(address, context=context_of(address))
    host, account = f"{connection.url.host}:{connection.url.port}", account_in(address)
    try:
        with _translated(host, account):
            async with asyncio.timeout(_TIMEOUT.total_seconds()):
                await connection.connect()
                for queue in queues:
                    await _must_be_readable(connection, queue, host=host, account=account)
    finally:
        with suppress(TimeoutError, Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT.total_seconds()):
                with noticing_loss():
                    await connection.close()


async def _must_be_readable(
    connection: aiormq.Connection, queue: str, *, host: str, account: str
) -> None:
    try:
        channel = await connection.channel()
        await channel.queue_declare(queue, passive=True)
    except ChannelNotFoundEntity as error:
        raise AxisError.of("E_BROKER_QUEUE", host=host, object=queue) from error
    try:
        await channel.basic_consume(queue, _nothing, arguments=_NO_PRIORITY)
    except ChannelPreconditionFailed:
        return
    except ChannelAccessRefused as error:
        raise AxisError.of(
            "E_BROKER_RIGHTS", host=host, account=account, object=queue, detail=str(error)
        ) from error


async def _nothing(_: object) -> None:
    """A consumer callback that is never called."""


@contextmanager
def _translated(host: str, account: str) -> Iterator[None]:
    """Turn an error of the driver into an error of the catalogue."""
    try:
        yield
    except AxisError:
        raise
    except (ProbableAuthenticationError, AuthenticationError) as error:
        raise AxisError.of(
            "E_BROKER_LOGIN", host=host, account=account, detail=_said(error)
        ) from error
    except ConnectionClosed as error:
        code, text = error.args
        if code == _REFUSED:
            raise AxisError.of(
                "E_BROKER_LOGIN", host=host, account=account, detail=str(text)
            ) from error
        raise _not_allowed(host, account, str(text)) from error
    except (AMQPError, OSError, RuntimeError, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_meant():
            raise
        raise _of_tls(host, account, error) from error


def _not_allowed(host: str, account: str, text: str) -> AxisError:
    """The error for a closed virtual host: `NOT_ALLOWED - …`, `CONNECTION_FORCED - …`."""
    if not text.startswith("NOT_ALLOWED"):
        return AxisError.of("E_BROKER_AWAY", cause=foreign(f"{host}: {text}"))
    if "limit" in text:
        return AxisError.of("E_BROKER_LIMIT", host=host, account=account, detail=text)
    _, _, rest = text.partition("vhost ")
    vhost = rest.split(" ")[0].strip("'\"") or "/"
    return AxisError.of("E_BROKER_RIGHTS", host=host, account=account, object=vhost, detail=text)


def _of_tls(host: str, account: str, error: BaseException) -> AxisError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            detail = cause.verify_message or cause.reason
            return AxisError.of("E_BROKER_CERTIFICATE", host=host, detail=detail)
        if isinstance(cause, ssl.SSLError) and _is_about_ours(cause):
            return AxisError.of("E_BROKER_LOGIN", host=host, account=account, detail=cause.reason)
        cause = cause.__cause__
    return AxisError.of("E_BROKER_AWAY", cause=foreign(f"{host}: {_said(error)}"))


def _is_about_ours(error: ssl.SSLError) -> bool:
    """Whether the broker refuses our certificate, and not we its certificate."""
    reason = error.reason or ""
    return "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason)


def _said(error: BaseException) -> str:
    """The text of an error of the driver, in one line."""
    told = [each for each in error.args if isinstance(each, str)]
    return told[-1] if told else type(error).__name__


def _is_meant() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


class _Telling(aiormq.Connection):
    """A connection that keeps the broker's reason when the broker closes it during the login.

    The driver itself reports only that it expected another frame.
    """

    @staticmethod
    async def _rpc(
        request: Any, writer: Any, frame_receiver: Any, wait_response: bool = True
    ) -> Any:
        heard: Any = _Listening(frame_receiver)
        return await aiormq.Connection._rpc(request, writer, heard, wait_response)  # noqa: SLF001


class _Listening:
    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver

    async def get_frame(self) -> Any:
        """The next frame; raises `ConnectionClosed` with the broker's words."""
        received = await self._receiver.get_frame()
        if isinstance(received[-1], Frames.Close):
            raise ConnectionClosed(received[-1].reply_code, received[-1].reply_text)
        return received

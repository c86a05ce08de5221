"""AccessChecks: does what an account must not be able to do, and sees that it is refused.

What is to be tried is decided in `bus.core.access_checks`.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import assert_never
from uuid import uuid4

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    PublishError,
)

from bus.core.access_checks import NOWHERE, AccessCheck, Operation
from bus.core.topology import PROBE, Account
from bus.rabbit.addresses import addresses_in
from bus.rabbit.administration import connect
from bus.rabbit.connection import DRIVER_ERRORS
from bus.rabbit.tls import context_of
from schemas.problem import ConfigurationError, Language, TransportError
from schemas.term import Term, foreign, term

_DEADLINE = timedelta(seconds=10)
_PARALLEL = 8
_SCRATCH_LIVES = timedelta(minutes=5)
_REFUSED = (ChannelAccessRefused, ChannelPreconditionFailed)
_UNAUTHORIZED = frozenset({401, 403})


class Breach(StrEnum):
    """What a trial can show."""

    ALLOWED = "allowed"
    UNCHECKED = "unchecked"
    HINDERED = "hindered"


_SENTENCES = {
    Breach.ALLOWED: (
        "Account {name} can {words}, and must not be able to: run 'lienthong topology apply'.",
        "Tài khoản {name} {words} được, dù không được phép: hãy chạy 'lienthong topology apply'.",
    ),
    Breach.UNCHECKED: (
        "Account {name} can {words}: this broker does not check it; recipients refuse it and tell.",
        "Tài khoản {name} {words} được: RabbitMQ này không kiểm tra; bên nhận từ chối và báo.",
    ),
    Breach.HINDERED: (
        "Account {name} cannot {words}: {cause}.",
        "Tài khoản {name} không {words} được: {cause}.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessFinding:
    """One thing that an account could do and must not, or the reverse."""

    defect: Breach
    name: str
    trial: AccessCheck
    cause: Term | None = None

    @property
    def is_note(self) -> bool:
        """Whether it is good to know, and nothing here can mend it."""
        return self.defect is Breach.UNCHECKED

    def sentence(self, language: Language = Language.ENGLISH) -> str:
        """The finding, for people."""
        english, vietnamese = _SENTENCES[self.defect]
        template = english if language is Language.ENGLISH else vietnamese
        cause = self.cause.text(language) if self.cause else ""
        return template.format(name=self.name, words=self.trial.words(language), cause=cause)


class _BusyError(Exception):
    """The queue is in use: it is not read, so that nobody is disturbed."""


class Trials:
    """Tries things as accounts of one virtual host.

    Args:
        amqp_url: Of an administrator, who makes the queue that is tried upon.
        management_url: Of the management interface; its login is not used.
        url_of: With which URL an account logs in.
    """

    def __init__(self, amqp_url: str, management_url: str, *, url_of: Callable[[str], str]) -> None:
        self._amqp_url = amqp_url
        self._management_url = management_url
        self._url_of = url_of

    async def hold(
        self, trials: Sequence[tuple[Account, Sequence[AccessCheck]]]
    ) -> tuple[AccessFinding, ...]:
        """Try everything, each account on a connection of its own and each trial on a channel.

        Raises:
            TransportError: E_BROKER_AWAY.
        """
        findings: list[AccessFinding] = []
        waiting = iter(trials)
        async with self._scratch() as scratch:

            async def worker() -> None:
                for account, mine in waiting:
                    findings.extend([found async for found in self._as(account, mine, scratch)])

            await asyncio.gather(*(worker() for _ in range(min(_PARALLEL, len(trials)))))
        return tuple(sorted(findings, key=lambda found: found.name))

    async def _as(
        self, account: Account, trials: Iterable[AccessCheck], scratch: str
    ) -> AsyncIterator[AccessFinding]:
        url = self._url_of(account.name)
        login = AccessCheck(operation=Operation.CONNECT, allowed=True)
        try:
            connection = await connect(addresses_in(url))
        except DRIVER_ERRORS as error:
            if not any(trial.operation is Operation.CONNECT for trial in trials):
                yield AccessFinding(
                    defect=Breach.HINDERED,
                    name=account.name,
                    trial=login,
                    cause=foreign(repr(error)),
                )
            return
        async with connection:
            for trial in trials:
                cause = await self._refusal(connection, url, trial, scratch)
                if cause is None and not trial.allowed:
                    defect = Breach.UNCHECKED if trial.up_to_broker else Breach.ALLOWED
                    yield AccessFinding(defect=defect, name=account.name, trial=trial)
                if cause is not None and trial.allowed:
                    yield AccessFinding(
                        defect=Breach.HINDERED, name=account.name, trial=trial, cause=cause
                    )

    async def _refusal(
        self, connection: AbstractConnection, url: str, trial: AccessCheck, scratch: str
    ) -> Term | None:
        """Why a trial was refused; None when it worked."""
        if trial.operation is Operation.CONNECT:
            return None
        if trial.operation is Operation.MANAGE:
            return await self._refused_by_management(url)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            async with asyncio.timeout(_DEADLINE.total_seconds()):
                await _do(channel, trial, scratch)
        except _REFUSED as refused:
            return foreign(refused)
        except ChannelNotFoundEntity as missing:
            # Rights are looked at first.
            return foreign(missing) if trial.allowed else None
        except _BusyError:
            pass
        except DRIVER_ERRORS as error:
            raise TransportError.of("E_BROKER_AWAY", cause=foreign(repr(error))) from error
        await channel.close()
        return None

    async def _refused_by_management(self, url: str) -> Term | None:
        login = httpx.URL(addresses_in(url)[0])
        if not login.password:
            return term("no_password_to_try")
        for address in addresses_in(self._management_url):
            context = context_of(address)
            async with httpx.AsyncClient(trust_env=False, verify=context or True) as client:
                answer = await client.get(
                    httpx.URL(address).copy_with(username="", password="").join("/api/whoami"),
                    auth=(login.username, login.password),
                )
            if answer.status_code not in _UNAUTHORIZED:
                return None
        return term("unauthorized")

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[str]:
        """A queue that nobody needs, to try upon; it ends by itself should we not come to it."""
        name = f"{NOWHERE}.{secrets.token_hex(6)}"
        try:
            async with await connect(addresses_in(self._amqp_url)) as connection:
                channel = await connection.channel()
                expires = int(_SCRATCH_LIVES.total_seconds() * 1000)
                await channel.declare_queue(name, durable=True, arguments={"x-expires": expires})
                yield name
                await channel.queue_delete(name)
        except DRIVER_ERRORS as error:
            raise TransportError.of("E_BROKER_AWAY", cause=foreign(repr(error))) from error


async def _do(channel: AbstractChannel, trial: AccessCheck, scratch: str) -> None:
    underlay = await channel.get_underlay_channel()
    queue = trial.queue or scratch
    match trial.operation:
        case Operation.READ:
            await _read(channel, queue, allowed=trial.allowed)
        case Operation.PUBLISH | Operation.COPY:
            await _publish(channel, trial, scratch)
        case Operation.DECLARE_QUEUE:
            await underlay.queue_declare(f"{scratch}.declared", exclusive=True)
        case Operation.DECLARE_EXCHANGE:
            await underlay.exchange_declare(f"{scratch}.declared", auto_delete=True)
            await underlay.exchange_delete(f"{scratch}.declared")
        case Operation.BIND:
            await underlay.queue_bind(queue, trial.exchange, routing_key=scratch)
            await underlay.queue_unbind(queue, trial.exchange, routing_key=scratch)
        case Operation.UNBIND:
            await underlay.queue_unbind(queue, trial.exchange, routing_key=scratch)
        case Operation.PURGE:
            await underlay.queue_purge(queue)
        case Operation.DELETE:
            await underlay.queue_delete(queue)
        case Operation.CONNECT | Operation.MANAGE:
            raise ConfigurationError.of(
                "E_INTERNAL", stage="trial", cause=term("trial_channel", deed=trial.operation)
            )
        case _ as never:
            assert_never(never)


async def _read(channel: AbstractChannel, name: str, *, allowed: bool) -> None:
    """Get a message and put it back. Where reading is right, only from an empty queue."""
    queue = await channel.get_queue(name, ensure=False)
    if allowed:
        told = (await channel.declare_queue(name, passive=True)).declaration_result
        if told.message_count:
            raise _BusyError
    message = await queue.get(fail=False)
    if message is not None:
        await message.nack(requeue=True)


async def _publish(channel: AbstractChannel, trial: AccessCheck, scratch: str) -> None:
    """Should it arrive somewhere, it is gone in the same moment."""
    message = aio_pika.Message(
        b"",
        type=PROBE,
        message_id=uuid4().hex,
        user_id=trial.user,
        expiration=timedelta(),
        headers={trial.header: [trial.copy]} if trial.header else {},
    )
    exchange = (
        await channel.get_exchange(trial.exchange, ensure=False)
        if trial.exchange
        else channel.default_exchange
    )
    key = trial.key if trial.exchange else scratch
    # Returned: it may be published, and has gone nowhere.
    with suppress(PublishError):
        await exchange.publish(message, key, mandatory=True)

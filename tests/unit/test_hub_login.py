"""An agency's own worker waits until the hub's broker lets it in."""

import asyncio

import pytest

from bus.services.hub_login import until_let_in
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, Problem
from schemas.term import foreign

H24 = MailboxName("H24")
AWAY = AxisError.of("E_STORE_AWAY", cause=foreign("gone"))
REFUSED = AxisError.of("E_KEYS", agency=H24, cause=foreign("no"))


class Broker:
    """Answers each login with the next of these; None: it succeeds."""

    def __init__(self, *answers: AxisError | None) -> None:
        self.answers = list(answers)
        self.failed: list[Problem] = []

    async def log_in(self) -> None:
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer

    async def wait(self, stop: asyncio.Event) -> None:
        async with asyncio.timeout(10):
            await until_let_in(
                self.log_in, H24, stop=stop, jitter=lambda: 0.0, failed=self.failed.append
            )


async def test_it_tries_again_until_it_is_let_in() -> None:
    broker = Broker(AWAY, None)

    await broker.wait(asyncio.Event())

    assert broker.failed == [AWAY.problem]
    assert broker.answers == []


async def test_it_stops_waiting_when_it_is_told_to_stop() -> None:
    broker, stop = Broker(AWAY, None), asyncio.Event()
    stop.set()

    await broker.wait(stop)

    assert broker.answers == [None]


async def test_a_refusal_that_waiting_does_not_change_is_raised() -> None:
    broker = Broker(AWAY, REFUSED)

    with pytest.raises(ConfigurationError):
        await broker.wait(asyncio.Event())

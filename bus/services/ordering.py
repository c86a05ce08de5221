"""Ordering: coroutines take a ticket each, and have their turn one at a time, in that order.

Work before `turn` may overlap. Work that must keep the order of the queue comes after `turn`.
"""

import asyncio
from types import TracebackType
from typing import Self


class Ticket:
    """A place in the order. `leave`, or the end of the `with` block, gives the next its turn.

    A ticket may be left before its turn: then the next one waits only for all earlier ones.
    """

    def __init__(self, before: asyncio.Future[None] | None) -> None:
        self._before = before
        self._left = False
        self.passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def turn(self) -> None:
        """Wait until everybody with an earlier ticket has left."""
        if self._before is not None:
            await asyncio.shield(self._before)

    def leave(self) -> None:
        """Give up the place; from now on `turn` returns at once. May be called twice."""
        if self._left:
            return
        self._left = True
        if self._before is None or self._before.done():
            self._pass()
        else:
            self._before.add_done_callback(lambda _: self._pass())
        self._before = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def _pass(self) -> None:
        if not self.passed.done():
            self.passed.set_result(None)


class Ordering:
    """Hands out tickets."""

    def __init__(self) -> None:
        self._last: asyncio.Future[None] | None = None

    def ticket(self) -> Ticket:
        """Take the next place in the order, without waiting."""
        before = self._last if self._last is not None and not self._last.done() else None
        ticket = Ticket(before)
        self._last = ticket.passed
        return ticket

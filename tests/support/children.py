"""Children that are no processes: their end is made by the test."""

import asyncio

from bus.ports.children import Command

TERMINATED = -15
KILLED = -9


class PlayedChild:
    """A child whose end can be made."""

    def __init__(self, command: Command, pid: int) -> None:
        self.command, self._pid = command, pid
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self._pid

    async def ended(self) -> int:
        return await asyncio.shield(self._code)

    def end(self, code: int) -> None:
        if not self._code.done():
            self._code.set_result(code)

    def terminate(self) -> None:
        self.end(TERMINATED)

    def kill(self) -> None:
        self.end(KILLED)


class PlayedLauncher:
    """Remembers what it launched."""

    def __init__(self) -> None:
        self.launched: list[PlayedChild] = []

    async def launch(self, command: Command) -> PlayedChild:
        self.launched.append(PlayedChild(command, 1000 + len(self.launched)))
        return self.launched[-1]

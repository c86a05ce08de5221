"""Cable: a TCP connection to a server that a test can pull out and put back."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

_LOOPBACK = "127.0.0.1"


class Cable:
    """Listens on a port of its own and passes everything on to another."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.plug()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.pull()

    async def plug(self) -> None:
        """Let connections through, on the same port as before."""
        self._server = await asyncio.start_server(self._pass, _LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pull(self) -> None:
        """Cut every connection and refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        if server is not None:
            await server.wait_closed()

    async def _pass(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection(_LOOPBACK, self._target)
        self._writers |= {back, forth}
        await asyncio.gather(self._pump(near, forth), self._pump(far, back))
        self._writers -= {back, forth}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()
            await sink.wait_closed()

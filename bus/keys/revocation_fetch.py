"""Fetch CRLs and OCSP responses over HTTP, with limits."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import httpx

from schemas.problem import AxisError
from schemas.term import Coded, foreign, term

_TYPE = "application/ocsp-request"


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRevocationFetcher:
    """A `RevocationFetcher` with a connection for each request, so that no source delays another.

    Attributes:
        deadline: The limit for a whole request, however slowly the source sends.
        most_list_bytes: The largest accepted CRL.
        most_answer_bytes: The largest accepted OCSP response.
    """

    deadline: timedelta = timedelta(seconds=20)
    most_list_bytes: int = 32 * 1024 * 1024
    most_answer_bytes: int = 64 * 1024

    async def get(self, url: str) -> bytes:
        """As the port says."""
        return await self._fetch("GET", url, most=self.most_list_bytes)

    async def ask(self, url: str, question: bytes) -> bytes:
        """As the port says (RFC 6960, A.1)."""
        return await self._fetch("POST", url, most=self.most_answer_bytes, content=question)

    async def _fetch(self, method: str, url: str, *, most: int, content: bytes = b"") -> bytes:
        headers = {"Content-Type": _TYPE} if content else {}
        try:
            async with (
                asyncio.timeout(self.deadline.total_seconds()),
                httpx.AsyncClient() as client,
            ):
                async with client.stream(method, url, content=content, headers=headers) as response:
                    if response.status_code != httpx.codes.OK:
                        raise _refuse(url, term("http_status", status=response.status_code))
                    return await _limited(response, url, most)
        except TimeoutError as late:
            seconds = self.deadline.total_seconds()
            raise _refuse(url, term("no_answer_within", seconds=f"{seconds:g}")) from late
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _refuse(url, foreign(str(error) or type(error).__name__)) from error


async def _limited(response: httpx.Response, url: str, most: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise _refuse(url, term("answer_large", limit=most))
    return bytes(body)


def _refuse(url: str, cause: Coded) -> AxisError:
    return AxisError.of("E_REVOCATION_SOURCE", source=url, cause=cause)

"""Management: a typed client of RabbitMQ's HTTP interface, for operators' work only.

Nothing on the way of a message depends on it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, TypeAdapter

from bus.core.topology import Permissions
from bus.rabbit.addresses import addresses_in
from schemas.problem import TransportError

_TIMEOUT = timedelta(seconds=30)


class FoundExchange(BaseModel):
    """An exchange as the broker tells it."""

    name: str
    type: str


class FoundQueue(BaseModel):
    """A queue as the broker tells it.

    Attributes:
        leader: The node that leads a quorum queue; absent or empty when nobody does.
        messages: Ready and unacknowledged; behind by up to 5 s, absent at first.
    """

    name: str
    type: str = "classic"
    leader: str | None = None
    messages: int | None = None
    consumers: int | None = None


class FoundBinding(BaseModel):
    """A binding as the broker tells it."""

    source: str
    destination: str
    destination_type: str
    routing_key: str


class FoundPolicy(BaseModel):
    """A policy as the broker tells it."""

    name: str
    pattern: str
    definition: dict[str, str | int]
    priority: int = 0
    apply_to: str = Field(alias="apply-to")


_EXCHANGES = TypeAdapter(list[FoundExchange])
_QUEUES = TypeAdapter(list[FoundQueue])
_BINDINGS = TypeAdapter(list[FoundBinding])
_POLICIES = TypeAdapter(list[FoundPolicy])


class FoundAccount(BaseModel):
    """The account that asks."""

    tags: list[str] | str


_ACCOUNT = TypeAdapter(FoundAccount)


class Management:
    """One virtual host, through the HTTP interface.

    Every method raises `TransportError` E_BROKER_AWAY when the interface cannot be reached or
    does not do as told.

    Args:
        url: With account and password: `http://account:password@host:15672`; with the hosts of
            several nodes, the next is asked when one cannot be reached.
    """

    def __init__(self, url: str, *, vhost: str = "/", timeout: timedelta = _TIMEOUT) -> None:
        self._addresses = addresses_in(url)
        self._client = httpx.AsyncClient(timeout=timeout.total_seconds(), trust_env=False)
        self._vhost = quote(vhost, safe="")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def tags(self) -> Sequence[str]:
        """The tags of the account that asks. 3.x before 3.9 gave them as one text."""
        told = _ACCOUNT.validate_json(await self._get("whoami")).tags
        return told.split(",") if isinstance(told, str) else told

    async def exchanges(self) -> Sequence[FoundExchange]:
        """All exchanges of the virtual host."""
        return _EXCHANGES.validate_json(await self._get(f"exchanges/{self._vhost}"))

    async def queues(self) -> Sequence[FoundQueue]:
        """All queues of the virtual host."""
        return _QUEUES.validate_json(await self._get(f"queues/{self._vhost}"))

    async def bindings(self) -> Sequence[FoundBinding]:
        """All bindings of queues to named exchanges."""
        found = _BINDINGS.validate_json(await self._get(f"bindings/{self._vhost}"))
        return [b for b in found if b.source and b.destination_type == "queue"]

    async def policies(self) -> Sequence[FoundPolicy]:
        """All policies of the virtual host."""
        return _POLICIES.validate_json(await self._get(f"policies/{self._vhost}"))

    async def operator_policies(self) -> Sequence[FoundPolicy]:
        """The operator's policies: they overrule the others (RabbitMQ manual, Policies)."""
        return _POLICIES.validate_json(await self._get(f"operator-policies/{self._vhost}"))

    async def put_policy(
        self, name: str, *, pattern: str, definition: Mapping[str, str | int], priority: int
    ) -> None:
        """Create or replace a policy for queues."""
        body = {
            "pattern": pattern,
            "definition": dict(definition),
            "priority": priority,
            "apply-to": "queues",
        }
        await self._send("PUT", f"policies/{self._vhost}/{quote(name, safe='')}", body)

    async def delete_policy(self, name: str) -> None:
        """Remove a policy."""
        await self._send("DELETE", f"policies/{self._vhost}/{quote(name, safe='')}")

    async def create_vhost(self) -> None:
        """Create the virtual host. The account gets full permissions in it."""
        await self._send("PUT", f"vhosts/{self._vhost}", {})

    async def delete_vhost(self) -> None:
        """Delete the virtual host with everything in it."""
        await self._send("DELETE", f"vhosts/{self._vhost}")

    async def put_account(self, name: str, password: str, permissions: Permissions) -> None:
        """Create or replace an account that may use this virtual host only."""
        user = quote(name, safe="")
        await self._send("PUT", f"users/{user}", {"password": password, "tags": ""})
        allowed = {
            "configure": permissions.configure,
            "write": permissions.write,
            "read": permissions.read,
        }
        await self._send("PUT", f"permissions/{self._vhost}/{user}", allowed)
        for exchange, keys in permissions.topics.items():
            narrowed = {"exchange": exchange, "write": keys, "read": ".*"}
            await self._send("PUT", f"topic-permissions/{self._vhost}/{user}", narrowed)
        for limit, value in (
            ("max-connections", permissions.max_connections),
            ("max-channels", permissions.max_channels),
        ):
            await self._send("PUT", f"user-limits/{user}/{limit}", {"value": value})

    async def delete_account(self, name: str) -> None:
        """Remove an account."""
        await self._send("DELETE", f"users/{quote(name, safe='')}")

    async def _get(self, path: str) -> bytes:
        return (await self._send("GET", path)).content

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        try:
            answer = await self._request(method, path, body)
            return answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            cause = f"{method} {path}: {error.response.status_code} {error.response.text}"
            raise TransportError.of("E_BROKER_AWAY", cause=cause) from error
        except httpx.HTTPError as error:
            cause = f"management interface: {type(error).__name__} {error}"
            raise TransportError.of("E_BROKER_AWAY", cause=cause) from error

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Ask the node that answered last, then the others. Raises what the last one did.

        To ask again is safe: every request says what shall be, not what to do.
        """
        *others, last = self._addresses
        for address in others:
            try:
                return await self._client.request(method, _at(address, path), json=body)
            except httpx.TransportError:
                self._leave(address)
        return await self._client.request(method, _at(last, path), json=body)

    def _leave(self, address: str) -> None:
        """Ask it last from now on, unless a request beside this one has seen to it."""
        first, *others = self._addresses
        if first == address:
            self._addresses = (*others, first)


def _at(address: str, path: str) -> str:
    return f"{httpx.URL(address).join('/api/')}{path}"

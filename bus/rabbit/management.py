"""Management: a typed client of RabbitMQ's HTTP interface, for administration only.

No message depends on it.
"""

import hashlib
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

import httpx
from pydantic import BaseModel, Field, RootModel, TypeAdapter, ValidationError

from bus.core.topology import Account, Permissions
from bus.rabbit.addresses import addresses_in
from bus.rabbit.tls import context_of
from schemas.problem import AxisError, TransportError
from schemas.term import term

_TIMEOUT = timedelta(seconds=30)
_HASHING = "rabbit_password_hashing_sha256"
_SALT_BYTES = 4
_NO_LIMIT = -1
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class FoundExchange(BaseModel):
    """An exchange, as the broker reports it."""

    name: str
    type: str


class FoundQueue(BaseModel):
    """A queue, as the broker reports it.

    Attributes:
        leader: The node of the leader of a quorum queue; absent or empty without a leader.
        messages: Ready and unacknowledged messages, up to 5 s old; absent for a new queue.
    """

    name: str
    type: str = "classic"
    leader: str | None = None
    messages: int | None = None
    consumers: int | None = None


class FoundBinding(BaseModel):
    """A binding, as the broker reports it."""

    source: str
    destination: str
    destination_type: str
    routing_key: str


class FoundPolicy(BaseModel):
    """A policy, as the broker reports it."""

    name: str
    pattern: str
    definition: dict[str, str | int]
    priority: int = 0
    apply_to: str = Field(alias="apply-to")


class FoundAlarm(BaseModel):
    """The resource that a node is short of."""

    resource: str


class FoundAlarms(BaseModel):
    """The answer to a health check that failed."""

    alarms: list[FoundAlarm] = []


class PasswordHash(RootModel[str]):
    """Salt and digest, base64 (RabbitMQ manual, Passwords)."""

    @classmethod
    def of(cls, password: str) -> Self:
        """Hash a password with a new salt."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(b64encode(salt + _digest(salt, password)).decode())

    def is_of(self, password: str | None) -> bool:
        """Whether this password was hashed; never true of an empty hash."""
        hashed = b64decode(self.root)
        salt, digest = hashed[:_SALT_BYTES], hashed[_SALT_BYTES:]
        return password is not None and secrets.compare_digest(digest, _digest(salt, password))


class FoundUser(BaseModel):
    """An account, as the broker reports it. Before 3.9, its tags were one text."""

    name: str
    password_hash: PasswordHash = PasswordHash("")
    tags: list[str] | str
    limits: dict[str, int] = {}


class FoundRights(BaseModel):
    """The permissions of an account in one virtual host."""

    user: str
    configure: str
    write: str
    read: str


class FoundTopicRights(BaseModel):
    """The routing keys with which an account may publish to one exchange."""

    user: str
    exchange: str
    write: str


_EXCHANGES = TypeAdapter(list[FoundExchange])
_QUEUES = TypeAdapter(list[FoundQueue])
_BINDINGS = TypeAdapter(list[FoundBinding])
_POLICIES = TypeAdapter(list[FoundPolicy])


_ALARMS = TypeAdapter(FoundAlarms)
_USERS = TypeAdapter(list[FoundUser])
_RIGHTS = TypeAdapter(list[FoundRights])
_TOPICS = TypeAdapter(list[FoundTopicRights])


class Management:
    """One virtual host, through the HTTP interface.

    Every method raises `TransportError` E_BROKER_AWAY when the interface cannot be reached or
    fails by itself (a status of 500 or more, 408, 429), and `ConfigurationError` when it refuses:
    E_BROKER_LOGIN the login (401, 403), E_BROKER_REQUEST anything else.

    Args:
        url: With account and password: `http://account:password@host:15672`; with the hosts of
            several nodes, the next is asked when one cannot be reached.
    """

    def __init__(self, url: str, *, vhost: str = "/", timeout: timedelta = _TIMEOUT) -> None:
        self._addresses = addresses_in(url)
        self._client = httpx.AsyncClient(
            timeout=timeout.total_seconds(), trust_env=False, verify=context_of(url) or True
        )
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

    async def alarms(self) -> Sequence[str]:
        """The resources (`memory`, `disk`) that nodes are short of; publishers are blocked then."""
        answer = await self._answer("GET", "health/checks/alarms")
        # With an alarm the check fails (RabbitMQ manual, Monitoring: Health Checks).
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            try:
                said = _ALARMS.validate_json(answer.content).alarms
            except ValidationError:
                said = []
            if said:
                return sorted({alarm.resource for alarm in said})
        self._must_be_well("GET health/checks/alarms", answer)
        return ()

    async def create_vhost(self) -> None:
        """Create the virtual host. The account gets full permissions in it."""
        await self._send("PUT", f"vhosts/{self._vhost}", {})

    async def delete_vhost(self) -> None:
        """Delete the virtual host with everything in it."""
        await self._send("DELETE", f"vhosts/{self._vhost}")

    async def accounts(self, kept: Mapping[str, str]) -> Sequence[Account]:
        """The accounts with rights in this virtual host.

        Args:
            kept: The password that each should have, by account.
        """
        users = {u.name: u for u in _USERS.validate_json(await self._get("users"))}
        rights = _RIGHTS.validate_json(await self._get(f"vhosts/{self._vhost}/permissions"))
        topics: dict[str, dict[str, str]] = {}
        path = f"vhosts/{self._vhost}/topic-permissions"
        for topic in _TOPICS.validate_json(await self._get(path)):
            topics.setdefault(topic.user, {})[topic.exchange] = topic.write
        return [
            Account(
                name=right.user,
                permissions=Permissions(
                    configure=right.configure,
                    write=right.write,
                    read=right.read,
                    topics=topics.get(right.user, {}),
                    max_connections=user.limits.get("max-connections", _NO_LIMIT),
                    max_channels=user.limits.get("max-channels", _NO_LIMIT),
                ),
                tags=frozenset(_tags(user.tags)),
                current=user.password_hash.is_of(kept.get(right.user)),
            )
            for right in rights
            if (user := users.get(right.user)) is not None
        ]

    async def put_accounts(self, accounts: Sequence[Account], passwords: Mapping[str, str]) -> None:
        """Create or replace accounts, which may use this virtual host only; all at once."""
        vhost = unquote(self._vhost)
        users = [
            {
                "name": account.name,
                "password_hash": PasswordHash.of(passwords[account.name]).root,
                "hashing_algorithm": _HASHING,
                "tags": ",".join(sorted(account.tags)),
                "limits": {
                    "max-connections": account.permissions.max_connections,
                    "max-channels": account.permissions.max_channels,
                },
            }
            for account in accounts
        ]
        permissions = [
            {
                "user": account.name,
                "vhost": vhost,
                "configure": account.permissions.configure,
                "write": account.permissions.write,
                "read": account.permissions.read,
            }
            for account in accounts
        ]
        topics = [
            {"user": one.name, "vhost": vhost, "exchange": exchange, "write": keys, "read": ".*"}
            for one in accounts
            for exchange, keys in one.permissions.topics.items()
        ]
        body = {"users": users, "permissions": permissions, "topic_permissions": topics}
        await self._send("POST", "definitions", body)

    async def close_connections(self, account: str) -> None:
        """Close all connections of an account now. It may connect again if it has the right."""
        await self._send("DELETE", f"connections/username/{quote(account, safe='')}")

    async def delete_account(self, name: str) -> None:
        """Remove an account."""
        await self._send("DELETE", f"users/{quote(name, safe='')}")

    async def _get(self, path: str) -> bytes:
        return (await self._send("GET", path)).content

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        answer = await self._answer(method, path, body)
        self._must_be_well(f"{method} {path}", answer)
        return answer

    def _must_be_well(self, request: str, answer: httpx.Response) -> None:
        try:
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise self._refusal(request, answer) from error

    async def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Any response. Raises `TransportError` E_BROKER_AWAY when there is none."""
        try:
            return await self._request(method, path, body)
        except httpx.HTTPError as error:
            cause = term("management_away", said=f"{type(error).__name__} {error}")
            raise TransportError.of("E_BROKER_AWAY", cause=cause) from error

    def _refusal(self, request: str, answer: httpx.Response) -> AxisError:
        status = answer.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
            cause = term("management_refused", request=request, status=status)
            return AxisError.of("E_BROKER_AWAY", cause=cause, detail=answer.text)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            url = httpx.URL(self._addresses[0])
            return AxisError.of(
                "E_BROKER_LOGIN", host=f"{url.host}:{url.port}", account=url.username
            )
        return AxisError.of("E_BROKER_REQUEST", request=request, status=status, detail=answer.text)

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Ask the node that answered last, then the others. Raises the error of the last one.

        Repeating is safe, because every request describes the wanted state.
        """
        *others, last = self._addresses
        for address in others:
            try:
                return await self._client.request(method, _at(address, path), json=body)
            except httpx.TransportError:
                self._leave(address)
        return await self._client.request(method, _at(last, path), json=body)

    def _leave(self, address: str) -> None:
        """Ask this node last from now on, unless another request has already changed the order."""
        first, *others = self._addresses
        if first == address:
            self._addresses = (*others, first)


def _at(address: str, path: str) -> str:
    return f"{httpx.URL(address).join('/api/')}{path}"


def _digest(salt: bytes, password: str) -> bytes:
    return hashlib.sha256(salt + password.encode()).digest()


def _tags(told: list[str] | str) -> list[str]:
    return [tag for tag in told.split(",") if tag] if isinstance(told, str) else told

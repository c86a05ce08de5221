"""The broker of a running axis, as whoever has stolen an agency's credentials sees it."""

import json
import ssl
from pathlib import Path

import aio_pika
import httpx
from aio_pika.abc import AbstractConnection
from yarl import URL

from tests.acceptance.conftest import RunningAxis


class Broker:
    """The hub's broker, as seen from outside."""

    def __init__(self, hub: RunningAxis, stolen: Path) -> None:
        running = json.loads((hub.home / "running.json").read_bytes())
        self.hub = hub
        self.stolen = stolen
        self.amqp = URL(running["amqp_url"])
        self.management = httpx.URL(running["management_url"])
        self.authority = hub.home / "tls/authority.pem"
        self.password = (hub.home / "accounts/agency.H24.password").read_text().strip()

    def ask(self, path: str, *login: str) -> httpx.Response:
        """Ask the management interface, as an administrator unless said otherwise."""
        place = self.management if not login else self.management.copy_with(userinfo=b"")
        return httpx.get(
            place.join(f"/api/{path}"),
            auth=(login[0], login[1]) if login else None,
            verify=ssl.create_default_context(cafile=self.authority),
            trust_env=False,
        )

    def grant(self, account: str, **rights: str) -> None:
        """Let an account do what it must not, as an administrator by mistake."""
        place = self.management.join(f"/api/permissions/%2F/{account}")
        context = ssl.create_default_context(cafile=self.authority)
        httpx.put(place, json=rights, verify=context, trust_env=False).raise_for_status()

    def log(self) -> str:
        """What the broker has written down."""
        return "".join(p.read_text() for p in (self.hub.home / "rabbitmq/log").glob("*.log"))

    async def waiting(self, *queues: str) -> int:
        """How many messages queues hold together, this very moment."""
        async with await aio_pika.connect(self.amqp) as connection, connection.channel() as channel:
            told = [await channel.declare_queue(queue, passive=True) for queue in queues]
            return sum(queue.declaration_result.message_count or 0 for queue in told)

    async def with_password(self) -> AbstractConnection:
        """Log in with the stolen password."""
        return await aio_pika.connect(
            self.amqp.with_user("agency.H24").with_password(self.password)
        )

    async def with_certificate(self, certificate: Path | None = None) -> AbstractConnection:
        """Log in with the stolen certificate, or what else is tried as one."""
        certificate = certificate or self.stolen / "tls/agency.H24.pem"
        files = {"certfile": str(certificate), "keyfile": str(certificate.with_suffix(".key"))}
        url = self.amqp.with_user(None).with_password(None)
        return await aio_pika.connect(url.update_query(auth="external", **files))

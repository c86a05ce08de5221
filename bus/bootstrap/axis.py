"""Axis: the hub's parent, with broker, keys, mailboxes, workers and dead letters."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bus.bootstrap.broker import located_broker, provision, suspended_in, topology_of, url_of
from bus.bootstrap.directory import directory_of
from bus.bootstrap.document_signatures import trust_list_of
from bus.bootstrap.observability import observed
from bus.bootstrap.own_keys import ensure_keys, must_be_able_to_sign
from bus.bootstrap.parent import (
    WORKERS_DEADLINE,
    Parent,
    Progress,
    arguments_of,
    command_of,
    started,
    urls_of,
    with_ports,
    worker_commands,
)
from bus.bootstrap.process import processors
from bus.bootstrap.trust import participants_of
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import worker_count
from bus.core.routing import Routing
from bus.core.topology import HANDLER_ACCOUNT
from bus.home.layout import Home, Running, write_prometheus_targets
from bus.home.slots import DEAD_LETTERS
from bus.pdf.trust_list import read_trust_list
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.locate import Located
from bus.services.participants import RoutingChange
from bus.settings import Settings
from bus.store.sql import open_store
from schemas.identifiers import MailboxName


@asynccontextmanager
async def open_axis(
    settings: Settings,
    *,
    only: frozenset[MailboxName] | None,
    stop: asyncio.Event,
    progress: Progress,
    keep_broker: bool = True,
    launcher: ProcessLauncher | None = None,
) -> AsyncIterator[Parent]:
    """Build everything, and start the children; on the way out take it down in reverse order.

    Args:
        keep_broker: Whether a broker of our own keeps its data for the next start.
        launcher: Starts the children; absent: each as a process that shares nothing with this one.

    Raises:
        ConfigurationError: One sentence says what the operator must correct.
        TransportError: A given broker or database does not answer now.
    """
    home = Home(settings.home.absolute())
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, WORKERS_DEADLINE)
        trust_list = trust_list_of(settings)
        if trust_list is not None:
            await asyncio.to_thread(read_trust_list, trust_list)
        progress("starting the broker, preparing keys")
        # The broker's start takes longest; everything else is prepared beside it.
        broker = asyncio.create_task(
            stack.enter_async_context(located_broker(settings, keep=keep_broker))
        )
        stack.push_async_callback(_given_up, broker)
        routing = Routing(await asyncio.to_thread(directory_of(settings).load))
        served = [m for m in routing.mailboxes if only is None or m in only]
        await asyncio.to_thread(ensure_keys, settings, home, routing, served)
        workers = worker_count(settings.workers, processors=processors(), mailboxes=len(served))
        settings = with_ports(settings, 2 + workers)
        process = await stack.enter_async_context(observed(settings, "up", stop, is_parent=True))
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings, home, store, only=only, observe=process.observe
        )
        await asyncio.to_thread(must_be_able_to_sign, settings, home, participants)
        address = await broker
        progress("preparing mailboxes")
        await provision(settings, address, topology_of(settings, participants.routing))

        async def prepare(change: RoutingChange) -> None:
            """Mailboxes, accounts and keys for another directory."""
            if change.before is not change.after:
                # Whom the directory suspends or no longer knows is out at once.
                gone = frozenset(change.before.mailboxes) - frozenset(change.after.mailboxes)
                shut_out = suspended_in(change.after) | gone
                await provision(
                    settings, address, topology_of(settings, change.after, suspended=shut_out)
                )
            await asyncio.to_thread(
                ensure_keys, settings, home, change.after, participants.mailboxes
            )

        participants.changed = prepare
        arguments = arguments_of(home, only)
        worker_url = url_of(settings, address, WORKER_ACCOUNT)
        handler = {
            "amqp_url": url_of(settings, address, HANDLER_ACCOUNT),
            "management_url": address.management_url,
        }
        commands = [
            *worker_commands(settings, home, arguments, worker_url, workers),
            command_of(
                DEAD_LETTERS,
                (DEAD_LETTERS, *arguments),
                settings=settings,
                home=home,
                place=1 + workers,
                given=handler,
            ),
        ]
        progress(f"starting workers: {workers}")
        parent = await stack.enter_async_context(
            started(
                settings=settings,
                home=home,
                address=address,
                store=store,
                process=process,
                participants=participants,
                commands=commands,
                launcher=launcher or ProcessLauncher(),
                stop=stop,
            )
        )
        urls = urls_of(settings, 2 + workers)
        write_prometheus_targets(home.prometheus_targets, axis=urls, broker=address.metrics_url)
        stack.enter_context(
            home.announced(
                Running(
                    pid=os.getpid(),
                    amqp_url=address.amqp_url,
                    management_url=address.management_url,
                    metrics_url=urls[0] if urls else None,
                    worker_metrics_urls=urls[1 : 1 + workers],
                    dead_letters_metrics_url=urls[-1] if urls else None,
                )
            )
        )
        yield parent


async def _given_up(starting: asyncio.Task[Located]) -> None:
    """End a start that nobody waits for any more; one that has ended is left alone."""
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

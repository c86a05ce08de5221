"""DeadLetters: builds the process that works on the dead letters of an axis.

It also looks at what one process tells for the whole: revocations, certificates that end, the
reconciliation of all deliveries.
"""

import asyncio
import random
from contextlib import AsyncExitStack

from bus.bootstrap.broker import located_broker, managed, suspended_in
from bus.bootstrap.gauges import gauges_of_axis
from bus.bootstrap.observability import hindrances_of, observed
from bus.bootstrap.process import fresh_ids, now
from bus.bootstrap.trust import participants_of, revocations_for
from bus.core.dead_letters.order import OrderState
from bus.core.dead_letters.report import Believed
from bus.core.events import ServiceName
from bus.home.layout import Home
from bus.home.slots import dead_letters_name
from bus.observability.traces import tracing
from bus.ports import BrokerHealth
from bus.processes.parent import end_with_parent, leaving_after, obey_signals
from bus.rabbit.alarms import AlarmWatch
from bus.rabbit.broker import RabbitBroker
from bus.services.dead_letters import DeadLetterHandler
from bus.services.participants import RoutingChange
from bus.services.serving import Presence
from bus.settings import Settings
from bus.store.sql import open_dead_letters, open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import term


async def run_dead_letters(settings: Settings, *, only: frozenset[MailboxName] | None) -> None:
    """Work on dead letters until a signal says stop, or the parent that started it is gone.

    Args:
        only: The mailboxes that the workers of this axis serve; None: all of the directory.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    stop, home = asyncio.Event(), Home(settings.home.absolute())
    obey_signals(stop)
    end_with_parent()
    if settings.amqp_url is None:
        cause = term("hub_broker_due")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    async with leaving_after(stop), AsyncExitStack() as stack:
        process = await stack.enter_async_context(observed(settings, "dead-letters", stop))
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings, home, store, only=only, observe=process.observe, warns=True
        )
        address = await stack.enter_async_context(located_broker(settings))
        management = await stack.enter_async_context(managed(address))
        letters = await stack.enter_async_context(
            open_dead_letters(settings.failures_url, limits=settings.bulk_limits)
        )
        broker = await stack.enter_async_context(
            RabbitBroker(
                address.amqp_url, name="lienthong dead letters", published=process.published
            )
        )
        handler = DeadLetterHandler(
            letters=letters,
            subscriber=broker,
            publisher=broker,
            believed=lambda: Believed(keys=participants.ring, routing=participants.routing),
            look_again=participants.look_again,
            policy=settings.retry_policy,
            clock=now,
            new_id=fresh_ids(),
            jitter=random.random,
            observe=process.observe,
            tracer=stack.enter_context(tracing(settings.traces_url, process="dead-letters")),
            deadline=settings.publish_deadline,
            poll=settings.look_at_letters,
            stop=stop,
        )
        alarms, name = AlarmWatch(management), dead_letters_name(home.slots)
        revocations = revocations_for(settings, home, observe=process.observe)
        runs = [
            (ServiceName.DIRECTORY, participants.watch),
            (ServiceName.REVOCATIONS, revocations.run),
            (ServiceName.BROKER, alarms.run),
            (ServiceName.WORKERS, Presence(name=name, leases=store.leases).run),
        ]
        if process.metrics is not None:
            metrics = process.metrics

            async def show(_: RoutingChange | None = None) -> None:
                metrics.knowing(participants.routing.mailboxes)

            participants.changed = show
            await show()
            gauges = gauges_of_axis(
                metrics,
                home=home,
                store=store,
                letters=letters,
                management=management,
                known=lambda: participants.routing.mailboxes,
                served=lambda: participants.mailboxes,
                suspended=lambda: suspended_in(participants.routing),
                observe=process.observe,
            )
            runs.append((ServiceName.GAUGES, gauges.run))

        def health() -> BrokerHealth:
            """How the broker looks; the handler, which publishes seldom, hears of no alarm."""
            seen = broker.health
            blocked = alarms.active and seen is BrokerHealth.READY
            return BrokerHealth.BLOCKED if blocked else seen

        async def ask() -> None:
            await store.records.find(document_id="", limit=1)
            await letters.orders([OrderState.PENDING])

        async def write() -> None:
            await store.prove_writable()
            await letters.prove_writable()

        process.is_ready_when(
            broker=health,
            more=lambda: hindrances_of(participants),
            ask_store=ask,
            write_store=write,
        )
        services = [asyncio.create_task(process.runner.keep(service, run)) for service, run in runs]
        try:
            await process.runner.keep(ServiceName.DEAD_LETTERS, handler.run)
        finally:
            for each in services:
                each.cancel()
            await asyncio.gather(*services, return_exceptions=True)

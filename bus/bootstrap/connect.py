"""Connect: an agency's own worker on its own machine, under the agency's own account.

It provisions nothing, sees no dead letters and no management, and holds no key but its own. The
hub's side is `axis`.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count

import structlog

from bus.bootstrap.axis import Progress, launcher_of, noting
from bus.bootstrap.directory import directory_of
from bus.bootstrap.gauges import survey_of_agency
from bus.bootstrap.knowledge import Knowledge
from bus.bootstrap.observability import axis_metrics, heard_by, not_ready, observed_axis, served_at
from bus.bootstrap.process import now
from bus.bootstrap.revocation import revocations_for
from bus.core.backoff import pause_before
from bus.core.events import ServiceName
from bus.core.placement import workers_for
from bus.core.routing import Routing
from bus.core.topology import account_of, queues_of
from bus.home.layout import Home
from bus.home.paused import PausedFile
from bus.home.targets import TargetsFile
from bus.keys.directory_authority import directory_folder
from bus.keys.folder import folder_name
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Health, Reason
from bus.ports import Observer
from bus.rabbit.login_check import check_login
from bus.rabbit.tls import account_in, is_open_to_others
from bus.services.gauges import Survey
from bus.services.revocations import Revocations
from bus.services.service_runner import ServiceRunner
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.sql import open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, TransportError
from schemas.term import term

_WORKERS_DEADLINE = timedelta(seconds=15)
_FIRST_PAUSE = timedelta(seconds=0.5)
_LONGEST_PAUSE = timedelta(minutes=1)

_log = structlog.get_logger()


@dataclass(kw_only=True)
class ConnectedAgency:
    """The worker of one agency, and who keeps it running.

    Attributes:
        metrics_url: Where its parent serves `/metrics`, `/healthz` and `/readyz`; None: nowhere.
    """

    home: Home
    metrics_url: str | None
    survey: Survey | None
    mailbox: MailboxName
    knowledge: Knowledge
    supervisor: Supervisor
    revocations: Revocations
    runner: ServiceRunner
    stop: asyncio.Event

    async def run(self) -> None:
        """Run until `stop` is set, or the worker cannot be kept running; then drain."""
        keep, watch = self.runner.keep, partial(self.knowledge.watch, self.supervisor)
        failed = asyncio.create_task(self.supervisor.failed())
        tasks = [
            failed,
            asyncio.create_task(keep(ServiceName.DIRECTORY, watch)),
            asyncio.create_task(keep(ServiceName.REVOCATIONS, self.revocations.run)),
        ]
        if self.survey is not None:
            tasks.append(asyncio.create_task(keep(ServiceName.SURVEY, self.survey.run)))
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self.supervisor.drain()
            for task in (stopped, *tasks):
                task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


@asynccontextmanager
async def open_connection(
    settings: Settings, agency: str, *, observe: Observer, stop: asyncio.Event, progress: Progress
) -> AsyncIterator[ConnectedAgency]:
    """Build everything; on the way out take it down in the reverse order.

    Args:
        agency: Its own code; it must have a mailbox.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    home = Home(settings.home.absolute())
    settings = _at_home(settings, home, agency)
    url = settings.broker_url
    if url is None:
        cause = term("hub_broker_due")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, _WORKERS_DEADLINE)
        _must_have_the_hubs_directory(home)
        mailbox = MailboxName(agency)
        _must_be_its_own(url, mailbox)
        await asyncio.to_thread(_must_hold_no_key_of_others, home, mailbox)
        await asyncio.to_thread(_ensure_sealing_key, settings, home, mailbox)
        directory = directory_of(settings)
        if mailbox not in Routing(await asyncio.to_thread(directory.load)).mailboxes:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=agency)
        paused = PausedFile(home.paused)
        paused.save()
        metrics = axis_metrics() if settings.metrics else None
        health = None if metrics is None else Health(metrics=metrics)
        observe = heard_by(
            noting(paused), metrics, None if health is None else health.note, observe
        )
        runner = ServiceRunner(observe=observe, jitter=random.random, stop=stop)
        knowledge = await asyncio.to_thread(
            Knowledge.read,
            settings,
            home,
            directory,
            served=lambda _: (mailbox,),
            observe=observe,
        )
        workers = workers_for(1, processors=1, mailboxes=1)
        looks = None
        if metrics is not None and health is not None:
            metrics.serving((mailbox,), known=knowledge.routing.mailboxes, workers=len(workers))
            looks = survey_of_agency(metrics, home=home, mailbox=mailbox, observe=observe)
            settings = await stack.enter_async_context(
                observed_axis(settings, health, runner, workers=len(workers))
            )
        store = await stack.enter_async_context(open_store(settings.store_url))
        await _until_let_in(url, mailbox, stop=stop, health=health, progress=progress)
        supervisor = Supervisor(
            launcher=launcher_of(settings, home, amqp_url=url, management_url=None),
            workers=workers,
            observe=observe,
            jitter=random.random,
            stop=stop,
        )
        if health is not None:
            health.more = lambda: not_ready(supervisor, knowledge)
            health.ask_store = lambda: store.records.find(document_id="", limit=1)
            health.write_store = store.prove_writable
            stack.callback(health.stopping)
        await stack.enter_async_context(
            supervisor.supervising(
                knowledge.routing.directory, knowledge.active, certificates=tuple(knowledge.ring)
            )
        )
        urls = served_at(settings, workers)
        TargetsFile(home.prometheus_targets).save(axis=urls, broker=None)
        yield ConnectedAgency(
            home=home,
            metrics_url=urls[0] if urls else None,
            survey=looks,
            mailbox=mailbox,
            knowledge=knowledge,
            supervisor=supervisor,
            # The hub cannot tell it: whom it believes is its own business.
            revocations=revocations_for(settings, knowledge, observe=observe),
            runner=runner,
            stop=stop,
        )


def _at_home(settings: Settings, home: Home, agency: str) -> Settings:
    """What lies in the home as `agency credentials` laid it there is used where nothing is said."""
    account = account_of(MailboxName(agency))
    usual = {
        "amqp_ca": home.transport / "authority.pem",
        "amqp_certificate": home.transport / f"{account}.pem",
        "amqp_key": home.transport / f"{account}.key",
    }
    secure = (settings.amqp_url or "").startswith("amqps:")
    missing = {
        name: path
        for name, path in usual.items()
        if secure and getattr(settings, name) is None and path.exists()
    }
    return settings.model_copy(update=missing)


def _must_be_its_own(url: str, mailbox: MailboxName) -> None:
    account = account_in(url)
    if account != account_of(mailbox):
        due = account_of(mailbox)
        cause = term("account_of_other", account=account, mailbox=mailbox, due=due)
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    if is_open_to_others(url):
        _log.warning("broker_found_without_tls", setting="LIENTHONG_AMQP_URL", use="amqps://")


def _must_hold_no_key_of_others(home: Home, mailbox: MailboxName) -> None:
    """Of no other agency, and of no authority."""
    own = {home.keys / room / folder_name(mailbox) for room in ("agencies", "requests")}
    own.add(SealingFolder(home.keys).folder_of(mailbox))
    others = sorted(path for path in home.keys.rglob("*.key") if path.parent not in own)
    if others:
        cause = term("keys_of_others", path=others[0].relative_to(home.keys))
        raise AxisError.of("E_KEYS", agency=mailbox, cause=cause)


def _ensure_sealing_key(settings: Settings, home: Home, mailbox: MailboxName) -> None:
    """What is sealed to us is opened here: the key is made here, and renewed."""
    moment = now()
    SealingFolder(home.keys).ensure(
        [mailbox],
        signing=lambda owner: load_signing_key(
            home.keys, owner, now=moment, access=settings.key_access
        ),
        now=moment,
    )


def _must_have_the_hubs_directory(home: Home) -> None:
    """One of its own would be made, and signed, where there is none."""
    if not home.directory.exists() or not any(directory_folder(home.keys).glob("*.pem")):
        authority = directory_folder(home.keys)
        raise AxisError.of("E_DIRECTORY_HUB", file=home.directory, folder=authority)


async def _until_let_in(
    url: str,
    mailbox: MailboxName,
    *,
    stop: asyncio.Event,
    health: Health | None,
    progress: Progress,
) -> None:
    """Wait until the broker lets us in, with growing pauses; or until `stop` is set.

    Raises:
        ConfigurationError: It does not let us in, and waiting does not help (`check_login`).
    """
    for attempt in count(1):
        try:
            await check_login(url, queues_of(mailbox))
        except TransportError as error:
            problem = error.problem
        else:
            return
        said = f"{problem.text()} {problem.advice()}"
        reason = f"{said} ({problem.detail})" if problem.detail else said
        progress(f"not connected yet: {reason}")
        _log.warning("broker_not_reached", mailbox=mailbox, problem=str(problem))
        if health is not None:
            health.more = partial(_waiting, reason)
        with suppress(TimeoutError):
            pause = pause_before(
                attempt,
                jitter=random.random(),  # noqa: S311 (spreads tries, keeps no secret)
                first=_FIRST_PAUSE,
                longest=_LONGEST_PAUSE,
            )
            async with asyncio.timeout(pause.total_seconds()):
                await stop.wait()
                return


def _waiting(reason: str) -> tuple[Reason, ...]:
    return (Reason(reason="broker_away", detail=reason),)

"""Connection: one agency's worker on its own machine, connected to the broker of the hub.

It logs in with the agency's own account. Nothing is provisioned, and the home holds no private key
but the agency's own.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from bus.bootstrap.directory import directory_of
from bus.bootstrap.observability import observed
from bus.bootstrap.own_keys import must_be_able_to_sign
from bus.bootstrap.parent import (
    WORKERS_DEADLINE,
    Parent,
    Progress,
    arguments_of,
    started,
    urls_of,
    with_ports,
    worker_commands,
)
from bus.bootstrap.process import now
from bus.bootstrap.trust import participants_of
from bus.core.routing import Routing
from bus.core.topology import account_of, queues_of
from bus.home.layout import Home, write_prometheus_targets
from bus.keys.directory_authority import directory_folder
from bus.keys.folder import folder_name
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Health, Reason
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.login_check import check_login
from bus.rabbit.tls import account_in, is_open_to_others
from bus.services.hub_login import until_let_in
from bus.settings import Settings
from bus.store.sql import open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import term

_log = structlog.get_logger()


@asynccontextmanager
async def open_connection(
    settings: Settings,
    agency: str,
    *,
    stop: asyncio.Event,
    progress: Progress,
    launcher: ProcessLauncher | None = None,
) -> AsyncIterator[Parent]:
    """Build everything, and start the worker; on the way out take it down in reverse order.

    Args:
        agency: Its own code; it must have a mailbox.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    home, mailbox = Home(settings.home.absolute()), MailboxName(agency)
    settings = _at_home(settings, home, agency)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, WORKERS_DEADLINE)
        url = await asyncio.to_thread(_must_be_able_to_connect, settings, home, mailbox)
        directory = await asyncio.to_thread(directory_of(settings).load)
        if mailbox not in Routing(directory).mailboxes:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=agency)
        settings = with_ports(settings, 2)
        process = await stack.enter_async_context(
            observed(settings, "connect", stop, is_parent=True)
        )
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings,
            home,
            store,
            only=frozenset({mailbox}),
            observe=process.observe,
            is_hub=False,
        )
        await asyncio.to_thread(must_be_able_to_sign, settings, home, participants)
        await _until_connected(url, mailbox, stop=stop, health=process.health, progress=progress)
        arguments = arguments_of(home, [mailbox])
        parent = await stack.enter_async_context(
            started(
                settings=settings,
                home=home,
                address=None,
                store=store,
                process=process,
                participants=participants,
                commands=worker_commands(settings, home, arguments, url, 1),
                launcher=launcher or ProcessLauncher(),
                stop=stop,
            )
        )
        write_prometheus_targets(home.prometheus_targets, axis=urls_of(settings, 2), broker=None)
        yield parent


def _must_be_able_to_connect(settings: Settings, home: Home, mailbox: MailboxName) -> str:
    """Check that a home holds what it needs and no keys of others, and make its sealing key.

    Returns:
        The URL of the hub's broker.

    Raises:
        ConfigurationError: One sentence says what the operator must correct.
    """
    url = settings.broker_url
    if url is None:
        cause = term("hub_broker_due")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    _must_have_the_hubs_directory(home)
    _must_be_its_own(url, mailbox)
    _must_hold_no_key_of_others(home, mailbox)
    _ensure_sealing_key(settings, home, mailbox)
    return url


def _at_home(settings: Settings, home: Home, agency: str) -> Settings:
    """The settings, with files that `agency credentials` put into the home where none are set."""
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
    """Refuse private keys of other agencies and of authorities."""
    own = {home.keys / room / folder_name(mailbox) for room in ("agencies", "requests")}
    own.add(SealingFolder(home.keys).folder_of(mailbox))
    others = sorted(path for path in home.keys.rglob("*.key") if path.parent not in own)
    if others:
        cause = term("keys_of_others", path=others[0].relative_to(home.keys))
        raise AxisError.of("E_KEYS", agency=mailbox, cause=cause)


def _ensure_sealing_key(settings: Settings, home: Home, mailbox: MailboxName) -> None:
    """Make or renew the key that opens documents sealed to us: it never leaves this machine."""
    moment = now()
    SealingFolder(home.keys).ensure(
        [mailbox],
        signing=lambda owner: load_signing_key(
            home.keys, owner, now=moment, access=settings.key_access
        ),
        now=moment,
    )


def _must_have_the_hubs_directory(home: Home) -> None:
    """Refuse to start without the hub's directory: otherwise we would make and sign a new one."""
    if not home.directory.exists() or not any(directory_folder(home.keys).glob("*.pem")):
        authority = directory_folder(home.keys)
        raise AxisError.of("E_DIRECTORY_HUB", file=home.directory, folder=authority)


async def _until_connected(
    url: str,
    mailbox: MailboxName,
    *,
    stop: asyncio.Event,
    health: Health | None,
    progress: Progress,
) -> None:
    """Wait until the broker accepts our login, or until `stop` is set.

    Raises:
        ConfigurationError: It refuses the login, and waiting does not help (`check_login`).
    """

    def failed(problem: Problem) -> None:
        text = f"{problem.text()} {problem.advice()}"
        reason = f"{text} ({problem.detail})" if problem.detail else text
        progress(f"not connected yet: {reason}")
        if health is not None:
            health.more = lambda: (Reason(reason="broker_away", detail=reason),)

    await until_let_in(
        lambda: check_login(url, queues_of(mailbox)),
        mailbox,
        stop=stop,
        jitter=random.random,
        failed=failed,
    )

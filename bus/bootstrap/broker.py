"""Broker: finds or starts the broker of an axis, and creates what it must hold."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.core.access_checks import access_checks_of
from bus.core.logins import accounts_for, kind_of
from bus.core.routing import Routing
from bus.core.topology import Topology, account_of, desired
from bus.home.layout import Home
from bus.keys.passwords import PasswordFolder
from bus.keys.transport import TransportAuthority
from bus.rabbit.access_checks import AccessFinding, Trials
from bus.rabbit.locate import Located, locate
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Defect, Provisioning
from bus.rabbit.residence import Transport
from bus.rabbit.tls import as_account, is_open_to_others
from bus.settings import Settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import term

_log = structlog.get_logger()


def topology_of(
    settings: Settings, routing: Routing, *, suspended: Collection[MailboxName] | None = None
) -> Topology:
    """What the broker must hold for a directory.

    Args:
        suspended: The mailboxes whose accounts may not log in; None: those that the directory
            suspends.
    """
    shut_out = suspended_in(routing) if suspended is None else suspended
    return replace(
        desired(routing.mailboxes, ledger=settings.ledger),
        accounts=accounts_for(dict.fromkeys([*routing.mailboxes, *shut_out]), suspended=shut_out),
    )


def suspended_in(routing: Routing) -> frozenset[MailboxName]:
    """The mailboxes whose agency is suspended."""
    return frozenset(m for m in routing.mailboxes if routing.owner_of(m).suspended)


def passwords_of(settings: Settings) -> PasswordFolder:
    """The passwords of the accounts of a home."""
    return PasswordFolder(Home(settings.home.absolute()).accounts)


async def provision(settings: Settings, address: Located, wanted: Topology) -> None:
    """Create or change everything in the broker that is not as wanted.

    Raises:
        ConfigurationError: E_TOPOLOGY: names the object that cannot be made as wanted.
    """
    async with provisioning(settings, address) as provisioned:
        applied = await provisioned.apply(await provisioned.plan(wanted))
        found = applied.findings or await provisioned.verify(wanted, probed=applied.opened)
    for finding in found:
        # A queue without a leader would delay every publish on the same channel.
        if finding.defect in {Defect.LEADERLESS, Defect.SILENT}:
            leaderless = finding.defect is Defect.LEADERLESS
            cause = term("queue_leaderless" if leaderless else "queue_silent", name=finding.name)
            raise AxisError.of("E_TOPOLOGY", object=finding.name, cause=cause)


@asynccontextmanager
async def provisioning(settings: Settings, address: Located) -> AsyncIterator[Provisioning]:
    """What reads, creates and verifies the topology of a broker."""
    async with managed(address) as management:
        yield Provisioning(address.amqp_url, management, passwords=passwords_of(settings))


async def tried(
    settings: Settings, address: Located, routing: Routing, *, thorough: bool
) -> tuple[AccessFinding, ...]:
    """Log in with accounts and try what they must not be able to do; nothing is changed.

    Args:
        thorough: With every account; else with one of each kind.
    """
    wanted = topology_of(settings, routing)
    async with provisioning(settings, address) as provisioned:
        found = await provisioned.accounts(wanted)
    # An account that is missing, or whose password we do not have, is reported elsewhere.
    known = {account.name for account in found if account.current}
    accounts = [account for account in wanted.accounts if account.name in known]
    chosen = accounts if thorough else list({kind_of(a): a for a in accounts[::-1]}.values())
    return await Trials(
        address.amqp_url,
        address.management_url,
        url_of=lambda account: url_of(settings, address, account),
    ).hold([(a, access_checks_of(a, routing.mailboxes, ledger=settings.ledger)) for a in chosen])


@asynccontextmanager
async def located_broker(settings: Settings, *, keep: bool = True) -> AsyncIterator[Located]:
    """The broker of the settings, or one of our own that ends with this block.

    Args:
        keep: Whether a broker of our own keeps its queues for the next start.
    """
    home = Home(settings.home.absolute())
    async with locate(
        amqp_url=settings.broker_url,
        management_url=settings.broker_management_url,
        installed=settings.rabbitmq,
        home=home.path if keep else None,
        may_install=settings.may_install,
        transport=lambda: _transport(home),
    ) as located:
        if is_open_to_others(located.amqp_url):
            _log.warning("broker_found_without_tls", setting="LIENTHONG_AMQP_URL", use="amqps://")
        yield located


@asynccontextmanager
async def reached_broker(settings: Settings) -> AsyncIterator[Located]:
    """The broker of the axis that runs in this home; if none runs, as `located_broker`."""
    running = Home(settings.home.absolute()).running()
    given = (
        {}
        if running is None
        else {"amqp_url": running.amqp_url, "management_url": running.management_url}
    )
    async with located_broker(settings.model_copy(update=given)) as located:
        yield located


async def apply_accounts(settings: Settings) -> bool:
    """Make the accounts as the directory says, and close the connections of changed accounts.

    Returns:
        Whether a broker was changed; if not, none is running, and the next start changes it.
    """
    home = Home(settings.home.absolute())
    if settings.amqp_url is None and home.running() is None:
        return False
    routing = Routing(directory_of(settings).load())
    async with (
        reached_broker(settings) as address,
        provisioning(settings, address) as provisioned,
    ):
        plan = await provisioned.plan(topology_of(settings, routing))
        await provisioned.apply_accounts(plan)
    return True


async def renew_password(settings: Settings, mailbox: MailboxName) -> bool:
    """Give an agency's account a new password; returns the same as `apply_accounts`.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN: it has no mailbox.
    """
    if mailbox not in Routing(directory_of(settings).load()).mailboxes:
        raise AxisError.of("E_AGENCY_UNKNOWN", code=mailbox)
    passwords_of(settings).renew(account_of(mailbox))
    return await apply_accounts(settings)


def url_of(settings: Settings, located: Located, account: str) -> str:
    """The URL with which an account of this home logs in."""
    return as_account(located.amqp_url, account, passwords_of(settings).of(account))


def managed(located: Located) -> Management:
    """The management interface of a broker, for its virtual host."""
    return Management(located.management_url, vhost=located.vhost)


def _transport(home: Home) -> Transport:
    authority = TransportAuthority(home.transport)
    files = authority.for_broker(now=now())
    return Transport(authority=authority.certificate, certificate=files.certificate, key=files.key)

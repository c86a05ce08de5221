"""Broker: the one that an axis uses, found or started, and provisioned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bus.core.routing import Routing
from bus.core.topology import Topology, desired
from bus.rabbit.locate import Located, locate
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Defect, Provisioning
from bus.settings import Settings
from bus.store.home import Home
from schemas.problem import AxisError


def topology_of(settings: Settings, routing: Routing) -> Topology:
    """What the broker must hold for a directory."""
    return desired(routing.mailboxes, ledger=settings.ledger)


async def provision(address: Located, wanted: Topology) -> None:
    """Make the broker as wanted.

    Raises:
        ConfigurationError: E_TOPOLOGY names the object that cannot be made so.
    """
    async with managed(address) as management:
        provisioning = Provisioning(address.amqp_url, management)
        applied = await provisioning.apply(await provisioning.plan(wanted))
        found = applied.findings or await provisioning.verify(wanted)
    for finding in found:
        # A queue without a leader would hold up every publish that shares its channel.
        if finding.defect in {Defect.LEADERLESS, Defect.SILENT}:
            raise AxisError.of("E_TOPOLOGY", object=finding.name, cause=finding.sentence())


@asynccontextmanager
async def located_broker(settings: Settings) -> AsyncIterator[Located]:
    """The broker that the settings ask for, or one of our own that ends with this block."""
    async with locate(
        amqp_url=settings.amqp_url,
        management_url=settings.management_url,
        home=settings.home.absolute(),
        may_install=settings.may_install,
    ) as located:
        yield located


@asynccontextmanager
async def reached_broker(settings: Settings) -> AsyncIterator[Located]:
    """The broker of the axis that runs in this home; if none does, as `located_broker`."""
    running = Home(settings.home.absolute()).running()
    given = (
        {}
        if running is None
        else {"amqp_url": running.amqp_url, "management_url": running.management_url}
    )
    async with located_broker(settings.model_copy(update=given)) as located:
        yield located


async def must_impersonate(located: Located) -> None:
    """One process stands in for many agencies: its account must be allowed to name each.

    Raises:
        ConfigurationError: E_SETTING says which tag the account lacks.
    """
    if located.impersonates:
        return
    async with managed(located) as management:
        tags = await management.tags()
    if "impersonator" not in tags:
        cause = "its account needs the tag impersonator: rabbitmqctl set_user_tags <account> ..."
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)


def managed(located: Located) -> Management:
    """The management interface of a broker, for its virtual host."""
    return Management(located.management_url, vhost=located.vhost)

"""Endpoint: how the system of one agency is reached, built from the entry point that it names."""

from adapters.contract import Endpoint, EndpointContext
from adapters.registry import endpoint_named
from bus.bootstrap.process import now
from bus.home.layout import Home
from bus.settings import Settings
from schemas.directory import FOLDER_ENDPOINT
from schemas.identifiers import MailboxName


def endpoint_of(mailbox: MailboxName, name: str, *, settings: Settings, home: Home) -> Endpoint:
    """The endpoint of one agency.

    Args:
        name: Of an entry point in the group `lienthong.endpoints`.

    Raises:
        ConfigurationError: E_SETTING; it is not installed, or one of its settings is wrong.
    """
    own = dict(settings.endpoints.get(name, {}))
    if name == FOLDER_ENDPOINT:
        own.setdefault("settle", str(settings.settle.total_seconds()))
    context = EndpointContext(
        agency=mailbox,
        folder=home.agencies / mailbox,
        state=home.endpoint_state(name, mailbox),
        settings=own,
        clock=now,
    )
    return endpoint_named(name)(context)

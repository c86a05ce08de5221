"""Adapters: which endpoint and which formats the adapter of one agency is built from."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import structlog

from adapters.contract import Endpoint, EndpointContext, Format
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.signing import HeaderSigner
from adapters.registry import endpoint_named, formats_of_others, own_formats
from bus.bootstrap.document_signatures import header_signer
from bus.bootstrap.process import now
from bus.core.events import Event
from bus.core.restart import HELD
from bus.core.signing import SigningKey
from bus.home.attempts import FolderAttempts
from bus.home.layout import Home
from bus.observability.health import Reason
from bus.ports import FormatApart, Observer
from bus.processes.hosted_formats import HostedFormat
from bus.services.crash_guard import CrashGuard, with_crash_guard
from bus.settings import Settings
from schemas.codes import FormatName
from schemas.directory import FOLDER_ENDPOINT
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError

_log = structlog.get_logger()

_TIME_TO_FINISH = timedelta(seconds=5)
"""How long formats of other packages may go on working after the worker was told to stop."""


def endpoint_of(mailbox: MailboxName, name: str, *, settings: Settings, home: Home) -> Endpoint:
    """Build the endpoint of one agency from its entry point.

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
        warn=lambda problem: _log.warning("endpoint_slowed", agency=mailbox, problem=str(problem)),
    )
    return endpoint_named(name)(context)


class WorkerFormats:
    """The formats that one worker reads and writes. Created inside the running event loop.

    Args:
        after_crash: The worker before this one crashed: its formats begin carefully.
        key_of: The key that an agency signs edXML headers with. Raises `ConfigurationError`.
    """

    def __init__(
        self,
        settings: Settings,
        home: Home,
        *,
        after_crash: bool,
        key_of: Callable[[MailboxName], SigningKey],
        observe: Observer,
    ) -> None:
        self._settings, self._home, self._key_of = settings, home, key_of
        loop = asyncio.get_running_loop()

        def observe_from_threads(event: Event) -> None:
            loop.call_soon_threadsafe(observe, event)

        self._guard = CrashGuard(
            FolderAttempts(home.attempts),
            deadline=settings.format_deadline,
            observe=observe_from_threads,
        )
        if after_crash:
            self._guard.be_careful()
            loop.call_later(HELD.total_seconds(), self._guard.be_at_ease)
        self._own = {
            name: with_crash_guard(each, self._guard) for name, each in own_formats().items()
        }
        self._apart = {
            name: HostedFormat(
                name,
                deadline=settings.format_deadline,
                folder=home.spools / "written",
                observe=observe_from_threads,
            )
            for name in formats_of_others()
        }

    @property
    def own(self) -> tuple[Format, ...]:
        """The formats that work in this process."""
        return tuple(self._own.values())

    def apart(self, first: str) -> tuple[FormatApart, ...]:
        """The formats that work in processes of their own; the one named `first` comes first."""
        return tuple(sorted(self._apart.values(), key=lambda each: (each.name != first, each.name)))

    def written_for(self, mailbox: MailboxName, name: str) -> Format | FormatApart:
        """The format, named `name`, in which documents are written for one agency."""
        if name in self._apart:
            return self._apart[name]
        if name != FormatName.EDXML:
            return self._own[name]

        def signer() -> HeaderSigner:
            # Asked for each packet: the key may have changed. One that cannot sign is waited for.
            try:
                return header_signer(self._key_of(mailbox), mailbox, keys=self._home.keys)
            except ConfigurationError as error:
                cause = error.problem.because
                raise AxisError.of("E_SIGNING_KEY_AWAY", agency=mailbox, cause=cause) from error

        settings = self._settings
        edxml = EdxmlFormat(
            zip_attachments=mailbox in settings.edxml_zip,
            strict=mailbox in settings.edxml_strict,
            signer=signer if settings.sign_edxml else None,
        )
        return with_crash_guard(edxml, self._guard)

    def hindrances(self) -> Iterator[Reason]:
        """What takes longer than it should."""
        for name, hosted in self._apart.items():
            for under_way in hosted.slow():
                yield Reason(
                    reason="format_slow",
                    detail=f"{name}: {under_way.work} for {under_way.since.total_seconds():.0f} s; "
                    f"it is ended after {under_way.ended_after.total_seconds():.0f} s",
                )

    async def end_after(self, stop: asyncio.Event) -> None:
        """Wait for `stop`; a while later, end the processes in which formats still work."""
        await stop.wait()
        await asyncio.sleep(_TIME_TO_FINISH.total_seconds())
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End all processes of formats."""
        for each in self._apart.values():
            each.close()

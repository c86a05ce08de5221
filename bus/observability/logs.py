"""Logs: one past-tense event name a line, with the fields that let an operator follow a delivery.

JSON in production, pleasant in a terminal. Never content, keys or personal data.
"""

import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta

import structlog

from bus.core.events import (
    CertificateEndNeared,
    CertificateRevoked,
    DeliveryFailed,
    DeliveryHandedOver,
    DuplicateAbsorbed,
    EndpointPaused,
    EndpointResumed,
    EnvelopeSent,
    Event,
    FailureRecorded,
    ForgeryRefused,
    FormatLost,
    ItemSkipped,
    KeyFileRefused,
    LettersRedelivered,
    ProcessEnded,
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceLost,
    RevocationSourceReturned,
    SendingPaused,
    SendingResumed,
    ServiceEnded,
    SigningKeyChanged,
    SubmissionRefused,
    WorkerStarted,
    WorkStalled,
)
from schemas.limits import MAX_LOG_VALUE_CHARS
from schemas.problem import Problem, Warned
from schemas.safe_text import escaped, legible_lines, redacted
from schemas.vietnam import VIETNAM

_log = structlog.get_logger()
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def configure(*, as_json: bool, quiet: bool = False) -> None:
    """Send log lines to standard error, as JSON or for people; when quiet, only errors."""
    # They say at length what our own events say in one line; signxml would even log content.
    for chatty in ("aiormq", "aio_pika", "signxml", "httpx"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    # What libraries say by themselves, such as asyncio of an exception nobody waited for.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    renderers: tuple[structlog.typing.Processor, ...] = (
        (structlog.processors.JSONRenderer(ensure_ascii=False), _escaped)
        if as_json
        else (
            _legible,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="ts"),
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamped,
            structlog.processors.format_exc_info,
            _tellable,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("error" if quiet else "info"),
        # A line in one write: the axis and its workers share one standard error.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_event(event: Event) -> None:
    """Log one event of the services."""
    said = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
    if said.get("trace", "") is None:
        del said["trace"]
    name = name_of(type(event))
    if said.get("warnings") == []:
        del said["warnings"]
    match event:
        case DeliveryHandedOver() if event.warnings:
            _log.warning(name, **said)
        case RevocationSourceAsked():
            # Said once for the axis by itself; a change of it is an event of its own.
            _log.debug(name, **said)
        case (
            EnvelopeSent()
            | DeliveryHandedOver()
            | DuplicateAbsorbed()
            | WorkerStarted()
            | EndpointResumed()
            | SendingResumed()
            | LettersRedelivered()
            | RevocationSourceReturned()
        ):
            _log.info(name, **said)
        case SigningKeyChanged():
            (_log.info if event.problem is None else _log.error)(name, **said)
        case (
            ForgeryRefused()
            | SubmissionRefused()
            | WorkStalled()
            | FailureRecorded()
            | CertificateRevoked()
            | RevocationSourceLost()
            | CertificateEndNeared()
        ):
            _log.warning(name, **said)
        case (
            DeliveryFailed()
            | ProcessEnded()
            | ServiceEnded()
            | ItemSkipped()
            | EndpointPaused()
            | SendingPaused()
            | FormatLost()
            | KeyFileRefused()
            | RevocationGraceEnded()
        ):
            _log.error(name, **said)


def log_misspelt(settings: Iterable[Warned]) -> None:
    """Log the settings of the environment that are none."""
    for warned in settings:
        _log.warning("setting_ignored", code=warned.code, **warned.params)


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _cut(super().format(record))


def _tellable(_: object, __: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take secrets out of every value, wherever it came from, and bound it."""
    return {name: _told(value) for name, value in said.items()}


def _stamped(_: object, __: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The moment in Viet Nam, with its offset: the zone that commands show times in."""
    said["ts"] = datetime.now(VIETNAM).isoformat(timespec="microseconds")
    return said


def _legible(_: object, __: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What strangers wrote is shown, and obeyed by no terminal."""
    return {
        name: legible_lines(value) if isinstance(value, str) else value
        for name, value in said.items()
    }


def _escaped(_: object, __: str, line: structlog.typing.EventDict) -> str:
    return escaped(str(line))


def _told(value: object) -> object:
    match value:
        case str():
            return _cut(value)
        case dict():
            return {name: _told(each) for name, each in value.items()}
        case list() | tuple():
            return [_told(each) for each in value]
        case None | int() | float():
            return value
        case _:
            return _cut(str(value))


def _cut(text: str) -> str:
    text = redacted(text)
    if len(text) <= MAX_LOG_VALUE_CHARS:
        return text
    return f"{text[: MAX_LOG_VALUE_CHARS - 1]}…"


def name_of(kind: type[Event]) -> str:
    """What events of a kind are called in the log: `DeliveryFailed` → `delivery_failed`."""
    return _CAPITAL.sub("_", kind.__name__).lower()


def _plain(value: object) -> object:
    match value:
        case Problem():
            return f"{value} [{value.detail}]" if value.detail else str(value)
        case datetime():
            return value.astimezone(VIETNAM).isoformat()
        case timedelta():
            return round(value.total_seconds(), 3)
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return value

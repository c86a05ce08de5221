"""Logs: one past-tense event name a line, with the fields that let an operator follow a delivery.

JSON in production, pleasant in a terminal. Never content, keys or personal data.
"""

import logging
import re
import sys
from dataclasses import fields
from datetime import datetime, timedelta

import structlog

from bus.core.events import (
    CertificateEnding,
    CertificateRevoked,
    DeliveryFailed,
    DeliveryHandedOver,
    DirectoryTakenUp,
    DuplicateAbsorbed,
    EndpointPaused,
    EndpointResumed,
    EnvelopeSent,
    Event,
    EventsDropped,
    FailureRecorded,
    LettersRedelivered,
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceBack,
    RevocationSourceLost,
    SigningKeyChanged,
    SubmissionRefused,
    WorkerEnded,
    WorkerFailed,
    WorkerReady,
    WorkStalled,
)
from schemas.problem import Problem

_log = structlog.get_logger()
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def configure(*, as_json: bool, quiet: bool = False) -> None:
    """Send log lines to standard error, as JSON or for people; when quiet, only errors."""
    # They say at length what our own events say in one line; signxml would even log content.
    for chatty in ("aiormq", "aio_pika", "signxml", "httpx"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
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
    name = _CAPITAL.sub("_", type(event).__name__).lower()
    match event:
        case DirectoryTakenUp() | RevocationSourceAsked():
            # Said once for the axis by itself; a change of it is an event of its own.
            _log.debug(name, **said)
        case (
            EnvelopeSent()
            | DeliveryHandedOver()
            | DuplicateAbsorbed()
            | WorkerReady()
            | EndpointResumed()
            | LettersRedelivered()
            | RevocationSourceBack()
        ):
            _log.info(name, **said)
        case SigningKeyChanged():
            (_log.info if event.problem is None else _log.error)(name, **said)
        case (
            SubmissionRefused()
            | WorkStalled()
            | EventsDropped()
            | FailureRecorded()
            | CertificateRevoked()
            | RevocationSourceLost()
            | CertificateEnding()
        ):
            _log.warning(name, **said)
        case (
            DeliveryFailed()
            | WorkerFailed()
            | WorkerEnded()
            | EndpointPaused()
            | RevocationGraceEnded()
        ):
            _log.error(name, **said)


def _plain(value: object) -> object:
    match value:
        case Problem():
            return str(value)
        case datetime():
            return value.isoformat()
        case timedelta():
            return round(value.total_seconds(), 3)
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return value

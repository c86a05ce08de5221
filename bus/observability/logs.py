"""Logs: each line is one event, with the fields that let an operator follow a delivery.

The lines are JSON, or text for a terminal. They never hold content, keys or personal data.
"""

import logging
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from bus.core.events import Event
from schemas.limits import MAX_LOG_VALUE_CHARS
from schemas.problem import Problem, Warned
from schemas.safe_text import escaped, legible_lines, redacted
from schemas.vietnam import VIETNAM

_log = structlog.get_logger()


def configure(*, as_json: bool, quiet: bool = False) -> None:
    """Send log lines to standard error, as JSON or for people; when quiet, only errors."""
    # These libraries log at length what our events say in one line; signxml even logs content.
    for library in ("aiormq", "aio_pika", "signxml", "httpx"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    # For what other libraries log, such as asyncio about an exception that nobody waited for.
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
            _redacted,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("error" if quiet else "info"),
        # Each line is one write, because all processes of an axis share one standard error.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_event(event: Event) -> None:
    """Log one event at its level; `trace` and `warnings` are left out when there are none."""
    told = {name: _plain(value) for name, value in vars(event).items()}
    for name in ("trace", "warnings"):
        if not told.get(name, True):
            del told[name]
    _log.log(event.level, event.log_name(), **told)


def log_misspelt(settings: Iterable[Warned]) -> None:
    """Log the environment variables that look like settings and are not."""
    for warned in settings:
        _log.warning("setting_ignored", code=warned.code, **warned.params)


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _cut(super().format(record))


def _redacted(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Remove secrets from every value, and shorten it to the limit."""
    return {name: _shortened(value) for name, value in fields.items()}


def _stamped(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the time in Viet Nam with its offset, as commands show times."""
    fields["ts"] = datetime.now(VIETNAM).isoformat(timespec="microseconds")
    return fields


def _legible(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Show control characters in texts of others, so that no terminal obeys them."""
    return {
        name: legible_lines(value) if isinstance(value, str) else value
        for name, value in fields.items()
    }


def _escaped(_: object, __: str, line: structlog.typing.EventDict) -> str:
    return escaped(str(line))


def _shortened(value: object) -> object:
    match value:
        case str():
            return _cut(value)
        case dict():
            return {name: _shortened(each) for name, each in value.items()}
        case list() | tuple():
            return [_shortened(each) for each in value]
        case None | int() | float():
            return value
        case _:
            return _cut(str(value))


def _cut(text: str) -> str:
    text = redacted(text)
    if len(text) <= MAX_LOG_VALUE_CHARS:
        return text
    return f"{text[: MAX_LOG_VALUE_CHARS - 1]}…"


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

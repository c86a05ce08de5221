"""Registry: finds formats and endpoints by entry points, so that anybody's package adds its own.

An entry of the group `lienthong.formats` names a class, one of `lienthong.endpoints` an
`EndpointFactory`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from adapters.contract import EndpointFactory, Format
from schemas.problem import AxisError, Place
from schemas.term import term

FORMATS = "lienthong.formats"
ENDPOINTS = "lienthong.endpoints"


def load_formats() -> Mapping[str, Format]:
    """Every installed format, by name. Raises `ConfigurationError` E_SETTING for a broken one."""
    return {entry.name: _format(entry) for entry in entry_points(group=FORMATS)}


def own_formats() -> Mapping[str, Format]:
    """The formats that this distribution brings along, by name."""
    return {entry.name: _format(entry) for entry in entry_points(group=FORMATS) if _is_ours(entry)}


def formats_of_others() -> tuple[str, ...]:
    """The names of the other installed formats. Runs none of their code."""
    return tuple(entry.name for entry in entry_points(group=FORMATS) if not _is_ours(entry))


def usable_formats(skipped: Callable[[AxisError], None]) -> tuple[Format, ...]:
    """Every installed format that can be loaded, our own first.

    Args:
        skipped: Told why one cannot.
    """
    found = list(own_formats().values())
    for name in sorted(formats_of_others()):
        try:
            found.append(format_named(name))
        except AxisError as error:
            skipped(error)
    return tuple(found)


def format_named(name: str) -> Format:
    """One installed format. Raises `ConfigurationError` E_SETTING listing what is installed."""
    for entry in entry_points(group=FORMATS, name=name):
        return _format(entry)
    raise _unknown("format", name, FORMATS)


def require_format(name: str) -> None:
    """Raise `ConfigurationError` E_SETTING unless it is installed. Runs none of its code."""
    if not entry_points(group=FORMATS, name=name):
        raise _unknown("format", name, FORMATS)


def format_names() -> frozenset[str]:
    """The names of all installed formats. Runs none of their code."""
    return frozenset(entry.name for entry in entry_points(group=FORMATS))


def endpoint_named(name: str) -> EndpointFactory:
    """What builds endpoints of one kind. Raises `ConfigurationError` E_SETTING."""
    for entry in entry_points(group=ENDPOINTS, name=name):
        return cast("EndpointFactory", _load(entry))
    raise _unknown("endpoint", name, ENDPOINTS)


def require_endpoint(name: str) -> None:
    """Raise `ConfigurationError` E_SETTING unless it is installed. Runs none of its code."""
    if not entry_points(group=ENDPOINTS, name=name):
        raise _unknown("endpoint", name, ENDPOINTS)


def endpoint_names() -> frozenset[str]:
    """The names of all installed endpoints. Runs none of their code."""
    return frozenset(entry.name for entry in entry_points(group=ENDPOINTS))


def format_for(head: bytes, filename: str, formats: Sequence[Format]) -> Format:
    """The first format that recognises a file by its name and its first bytes.

    Raises:
        DocumentError: E_FORMAT_UNKNOWN names the formats that were tried.
    """
    for candidate in formats:
        if candidate.recognises(head, filename):
            return candidate
    raise unrecognised(filename, [candidate.name for candidate in formats])


def unrecognised(filename: str, tried: Sequence[str]) -> AxisError:
    """The error of a file that is in none of the formats that were tried, by name."""
    formats = ", ".join(tried)
    return AxisError.of(
        "E_FORMAT_UNKNOWN", place=Place(file=filename), name=filename, formats=formats
    )


def _is_ours(entry: EntryPoint) -> bool:
    return entry.module.partition(".")[0] == __name__.partition(".")[0]


def _format(entry: EntryPoint) -> Format:
    made = cast("type[Format]", _load(entry))
    try:
        return made()
    except Exception as error:
        raise _broken(entry, error) from error


def _load(entry: EntryPoint) -> object:
    try:
        return cast("object", entry.load())
    except Exception as error:
        raise _broken(entry, error) from error


def _broken(entry: EntryPoint, error: Exception) -> AxisError:
    cause = term("plugin_broken", name=entry.name, said=error)
    return AxisError.of("E_SETTING", name=entry.group, cause=cause)


def _unknown(kind: str, name: str, group: str) -> AxisError:
    installed = ", ".join(sorted(entry.name for entry in entry_points(group=group)))
    return AxisError.of(
        "E_SETTING", name=kind, cause=term("plugin_unknown", name=name, installed=installed)
    )

"""Registry: finds formats and endpoints by entry points, so that other packages can add theirs.

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


def own_formats() -> Mapping[str, Format]:
    """The formats of this distribution, by name."""
    return {entry.name: _format(entry) for entry in entry_points(group=FORMATS) if _is_ours(entry)}


def formats_of_others() -> tuple[str, ...]:
    """The names of the formats of other packages. Runs none of their code."""
    return tuple(entry.name for entry in entry_points(group=FORMATS) if not _is_ours(entry))


def usable_formats(skipped: Callable[[AxisError], None]) -> tuple[Format, ...]:
    """Every installed format that can be loaded, our own first.

    Args:
        skipped: Called with the reason why one cannot.
    """
    found = list(own_formats().values())
    for name in sorted(formats_of_others()):
        try:
            found.append(format_named(name))
        except AxisError as error:
            skipped(error)
    return tuple(found)


def format_named(name: str) -> Format:
    """One installed format. Raises `ConfigurationError` E_SETTING."""
    return _format(_entry("format", name))


def require_format(name: str) -> None:
    """Raise `ConfigurationError` E_SETTING unless it is installed. Runs none of its code."""
    _entry("format", name)


def format_names() -> frozenset[str]:
    """The names of all installed formats. Runs none of their code."""
    return frozenset(entry_points(group=FORMATS).names)


def endpoint_named(name: str) -> EndpointFactory:
    """What builds endpoints of one kind. Raises `ConfigurationError` E_SETTING."""
    return cast("EndpointFactory", _load(_entry("endpoint", name)))


def require_endpoint(name: str) -> None:
    """Raise `ConfigurationError` E_SETTING unless it is installed. Runs none of its code."""
    _entry("endpoint", name)


def endpoint_names() -> frozenset[str]:
    """The names of all installed endpoints. Runs none of their code."""
    return frozenset(entry_points(group=ENDPOINTS).names)


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


def _entry(kind: str, name: str) -> EntryPoint:
    """The entry point of this name; the error lists those that are installed."""
    installed = entry_points(group=FORMATS if kind == "format" else ENDPOINTS)
    for entry in installed.select(name=name):
        return entry
    cause = term("plugin_unknown", name=name, installed=", ".join(sorted(installed.names)))
    raise AxisError.of("E_SETTING", name=kind, cause=cause)


def _format(entry: EntryPoint) -> Format:
    return cast("Format", _load(entry, lambda made: cast("type[Format]", made)()))


def _load(entry: EntryPoint, use: Callable[[object], object] = lambda made: made) -> object:
    """What an entry point names, used at once; whatever fails in it is its own fault."""
    try:
        return use(entry.load())
    except Exception as error:
        cause = term("plugin_broken", name=entry.name, said=error)
        raise AxisError.of("E_SETTING", name=entry.group, cause=cause) from error

"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli.output import note
from bus.home.layout import Home as HomeFolder
from bus.settings import load_settings
from schemas.problem import AxisError


def _home_of(chosen: Path | None) -> HomeFolder:
    return HomeFolder(load_settings(home=chosen).home.absolute())


def must_exist(chosen: Path | None) -> Path | None:
    """Refuse a home that does not exist: a mistyped path must not make an empty home.

    Raises:
        ConfigurationError: E_HOME_UNKNOWN.
    """
    home = _home_of(chosen)
    if not home.exists:
        raise AxisError.of("E_HOME_UNKNOWN", home=home.path)
    return chosen


def exists_or_told(chosen: Path | None) -> Path | None:
    """Print that a new home is made, if there is none."""
    home = _home_of(chosen)
    if not home.exists:
        note(f"there is no axis in {home.path} yet: one is set up")
    return chosen


def _home(callback: Callable[[Path | None], Path | None] | None) -> Any:
    return typer.Option(
        "--home",
        help="Folder of the axis: agencies' folders, keys, directory, stores. Default: ./axis.",
        envvar="LIENTHONG_HOME",
        file_okay=False,
        show_default=False,
        callback=callback,
    )


Home = Annotated[Path | None, _home(must_exist)]
"""An existing home."""
AnyHome = Annotated[Path | None, _home(None)]
"""A home that is made if it does not exist, or is not needed."""
NewHome = Annotated[Path | None, _home(exists_or_told)]
"""A home that is made if it does not exist, with a message, because it may be mistyped."""

MetricsPort = Annotated[
    int | None,
    typer.Option(
        help="Port for /metrics, /healthz and /readyz of the axis; its workers take those that "
        "follow. Default: free ones, named in <home>/running.json.",
        min=1,
        show_default=False,
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that run the agencies' adapters. Default: one for each processor.",
        min=0,
        show_default=False,
    ),
]

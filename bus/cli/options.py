"""Options: what several commands take, said once."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder of the axis: agencies' folders, keys, directory, stores. Default: ./axis.",
        envvar="LIENTHONG_HOME",
        file_okay=False,
        show_default=False,
    ),
]

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

"""The command line. Only here an error becomes an exit code."""

import errno
import gc
import os
import sys
from typing import NoReturn

import typer

from bus.cli.encoding import name_anything, print_anything
from bus.cli.lazy import LazyCommands

_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""Errors of files that are no bugs: no permission, or no space."""

_LOGGING = frozenset({"up", "connect", "worker", "dead-letters"})

app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Liên Thông: digitally signed documents between government agencies, nothing lost.\n\n"
    "Try [bold]lienthong demo[/] to see it work, [bold]lienthong up --home axis[/] to run it.",
)


@app.callback()
def _begin(context: typer.Context) -> None:
    # The axis and its workers write it to their logs.
    if context.invoked_subcommand not in _LOGGING:
        _note_misspelt_settings()


def _note_misspelt_settings() -> None:
    if not any(name.upper().startswith("LIENTHONG_") for name in os.environ):
        return
    from bus.cli.output import note  # noqa: PLC0415 (see `lazy`)
    from bus.settings import misspelt  # noqa: PLC0415
    from schemas.problem import Language  # noqa: PLC0415

    for warned in misspelt(os.environ):
        note(str(warned))
        note(warned.text(Language.VIETNAMESE))


def main() -> None:
    """Run the command line.

    An error ends it with one clear sentence: exit 4 when broker, database or another service does
    not answer now, else exit 2.
    """
    # Imports leave no garbage; services set their own limits (`settle_process`).
    gc.set_threshold(50_000)
    name_anything()
    print_anything()
    try:
        app()
    except BrokenPipeError:
        # The program that read the output has ended.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 (a doorway)
        _end_with(error)


def _end_with(error: Exception) -> NoReturn:
    from bus.cli.legible import legible_lines  # noqa: PLC0415 (see `lazy`)
    from bus.cli.output import Exit, tell  # noqa: PLC0415
    from schemas.problem import AxisError, TransportError  # noqa: PLC0415
    from schemas.safe_text import redacted  # noqa: PLC0415
    from schemas.term import of_os  # noqa: PLC0415

    match error:
        case AxisError():
            tell(error.problem)
            sys.exit(Exit.AWAY if isinstance(error, TransportError) else Exit.MISUSED)
        case OSError(errno=number, filename=name) if number in _PLACE and name is not None:
            tell(AxisError.of("E_PATH", path=os.fsdecode(name), cause=of_os(error)).problem)
            sys.exit(Exit.MISUSED)
        case _:
            # A bug: print its traceback without the values that drivers quote.
            import traceback  # noqa: PLC0415

            trace = "".join(traceback.format_exception(error))
            sys.stderr.write(f"{legible_lines(redacted(trace))}\n")
            sys.exit(Exit.REFUSED)

"""App: the commands put together, and the one place where an error becomes an exit code."""

import errno
import os
import sys
import traceback
from typing import NoReturn

import typer

from bus.cli import agency, directory, keys, sealing_keys, topology
from bus.cli.check import check
from bus.cli.connect import connect
from bus.cli.convert import convert
from bus.cli.demo import demo
from bus.cli.dlq.app import app as dlq
from bus.cli.encoding import name_anything, print_anything
from bus.cli.legible import legible_lines
from bus.cli.output import Exit, note, tell
from bus.cli.send import send
from bus.cli.top.command import top
from bus.cli.up import up
from bus.cli.worker import worker
from bus.settings import misspelt
from schemas.problem import AxisError, Language, TransportError
from schemas.redaction import redacted
from schemas.term import of_os

_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""A file that may not be read or written, or has no room: no bug of ours."""

_LOGGING = frozenset({"up", "connect", "worker"})

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Liên Thông: digitally signed documents between government agencies, nothing lost.\n\n"
    "Try [bold]lienthong demo[/] to see it work, [bold]lienthong up --home axis[/] to run it.",
)


@app.callback()
def _begin(context: typer.Context) -> None:
    # The axis and its workers tell it in their logs.
    if context.invoked_subcommand not in _LOGGING:
        for warned in misspelt(os.environ):
            note(str(warned))
            note(warned.text(Language.VIETNAMESE))


app.command()(up)
app.command()(connect)
app.command()(demo)
app.command()(convert)
app.command()(check)
app.command()(send)
app.command()(top)
app.command()(worker)
app.add_typer(agency.app, name="agency")
app.add_typer(directory.app, name="directory")
app.add_typer(dlq, name="dlq")
app.add_typer(topology.app, name="topology")
sealing_keys.register(keys.app)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command line.

    An error ends it with one clear sentence: exit 4 when broker, database or another service does
    not answer now, else exit 2.
    """
    name_anything()
    print_anything()
    try:
        app()
    except AxisError as error:
        tell(error.problem)
        sys.exit(Exit.AWAY if isinstance(error, TransportError) else Exit.MISUSED)
    except BrokenPipeError:
        # The reader of our output has gone; that is its right.
        sys.stderr.close()
        sys.exit(Exit.REFUSED)
    except OSError as error:
        if error.errno not in _PLACE or error.filename is None:
            _tell_bug()
        path = os.fsdecode(error.filename)
        tell(AxisError.of("E_PATH", path=path, cause=of_os(error)).problem)
        sys.exit(Exit.MISUSED)
    except Exception:  # noqa: BLE001 (a bug)
        _tell_bug()


def _tell_bug() -> NoReturn:
    """Its trace, without what drivers quote in theirs."""
    sys.stderr.write(f"{legible_lines(redacted(traceback.format_exc()))}\n")
    sys.exit(Exit.REFUSED)

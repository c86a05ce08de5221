"""Export: `dlq export`, dead letters with their original bytes, as JSON lines."""

import json
import os
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bus.cli.dlq.selection import OPEN, FiltersOrIds, select
from bus.cli.dlq.session import Session
from bus.cli.dlq.style import counted
from bus.cli.option_set import takes_sets
from bus.cli.output import Exit, print_json, say, screen
from bus.core.dead_letters.letter import DeadLetter
from bus.core.dead_letters.selection import Selection, Sort
from bus.ports import DeadLetters
from schemas.problem import AxisError, Language

_PAGE = 100


@takes_sets
def export(
    chosen: FiltersOrIds,
    session: Session,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A new file, readable by you only. Default: standard output.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Write dead letters as JSON lines: metadata, problem, history, headers, signature, body.

    The body is base64 of the original bytes. It holds the documents' content: keep it safe.
    Without a selection: every letter that needs an operator. Exit 1 when nothing matches.
    """
    with _target(output) as file:
        count = session.run(_write(chosen, session, file))
    if session.as_json and output is not None:
        print_json({"letters": count, "file": str(output)})
    else:
        where = f" written to {output}" if output else ""
        say(screen(stderr=True), f"{counted(count, 'dead letter')}{where}")
    raise typer.Exit(Exit.DONE if count else Exit.REFUSED)


@contextmanager
def _target(output: Path | None) -> Iterator[BinaryIO]:
    """The output. A file that could not be written completely is removed.

    Raises:
        ConfigurationError: E_OUTPUT_EXISTS.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise AxisError.of("E_OUTPUT_EXISTS", file=output) from error
    except OSError as error:
        raise typer.BadParameter(f"{output}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


async def _write(chosen: FiltersOrIds, session: Session, file: BinaryIO) -> int:
    count = 0
    async with session.letters() as letters:
        states = () if chosen.ids else OPEN
        selection = await select(chosen, session.worklist(letters), states=states)
        async for letter in _each(selection, letters):
            file.write(await _line(letter, letters))
            count += 1
    return count


async def _each(selection: Selection, letters: DeadLetters) -> AsyncIterator[DeadLetter]:
    """Every letter once, the oldest failure first, one page in memory.

    Pages begin at the moment where the last one ended, so that a million letters cost no more
    than a million lines. What fails again meanwhile moves to the end.
    """
    at_moment: set[str] = set()
    while True:
        page = await letters.find(selection, sort=Sort.OLDEST, limit=_PAGE + len(at_moment))
        fresh = [letter for letter in page if letter.id not in at_moment]
        if not fresh:
            return
        for letter in fresh:
            yield letter
        last = page[-1].failed_at
        at_moment = {letter.id for letter in page if letter.failed_at == last}
        selection = selection.model_copy(update={"since": last})


async def _line(letter: DeadLetter, letters: DeadLetters) -> bytes:
    message = await letters.message(letter.id)
    history = await letters.history(letter.id)
    problem = letter.problem
    line = {
        "letter": letter.model_dump(mode="json"),
        "text_en": problem.text(),
        "text_vi": problem.text(Language.VIETNAMESE),
        "history": [entry.model_dump(mode="json") for entry in history],
        "message": {
            "routing_key": message.routing_key,
            "type": message.type,
            "message_id": message.message_id,
            "user_id": message.user_id,
            "timestamp": message.timestamp and message.timestamp.isoformat(),
            "attempt": message.attempt,
            "headers": dict(message.headers),
            "signature": message.signature,
            "body": b64encode(message.body).decode("ascii"),
        },
    }
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"

"""`dlq groups`: dead letters by cause, with number, age and advice."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bus.bootstrap.process import now
from bus.cli.dlq.selection import OPEN, Filters, select
from bus.cli.dlq.session import Session
from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import age
from bus.cli.option_set import takes_sets
from bus.cli.output import print_json, say, screen
from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import DeadLetter, LetterId
from bus.core.dead_letters.selection import Selection
from bus.core.dead_letters.triage import Suggestion, suggest
from bus.ports import DeadLetters
from schemas.problem import Language

_MARGIN = "  "
_EXAMPLES_AT_ONCE = 200


@takes_sets
def groups(filters: Filters, session: Session) -> None:
    """Why deliveries fail: one entry for each cause, with what to do about it.

    The arrow compares the last hour with the hour before.
    """
    causes, examples = session.run(_gather(filters, session))
    moment = now()
    if session.as_json:
        print_json([_row(cause, examples.get(cause.example), moment) for cause in causes])
        return
    console = screen()
    tell_paused(console, session, moment)
    if not causes:
        say(console, "No dead letters: nothing waits for an operator.", "green")
        return
    say(console, _summary(causes))
    for cause in causes:
        console.print()
        _show(console, cause, examples.get(cause.example), session, moment)


def tell_paused(console: Console, session: Session, moment: datetime) -> None:
    """Print the paused mailboxes: they are no dead letters, but operators look for them here."""
    for paused in session.paused():
        since = age(moment - paused.since)
        named = " ".join(filter(None, (paused.mailbox, session.name_of(paused.mailbox))))
        waits = "what it sends waits" if paused.sending else "its mailbox waits"
        what = "its files cannot be taken" if paused.sending else "its system is away"
        say(console, f"{legible(named)}: {what}, {since}; {waits}", "yellow")
        console.print(_paragraph(legible(paused.problem.text())))
        console.print(_paragraph(legible(paused.problem.advice())))
        console.print(_paragraph(legible(paused.problem.advice(Language.VIETNAMESE)), "dim"))


def trend(cause: Cause) -> str:
    """`↑`, `↓` or `→`: first failures of the last hour against those of the hour before."""
    if cause.recent == cause.earlier:
        return "→"
    return "↑" if cause.recent > cause.earlier else "↓"


def advice(cause: Cause) -> Suggestion:
    """What to do about a group."""
    return suggest(
        failure_class=cause.failure_class,
        code=cause.code,
        states=tuple(cause.counts),
        target=f"--group {cause.fingerprint[:8]}",
        example=cause.example,
    )


async def _gather(
    filters: Filters, session: Session
) -> tuple[Sequence[Cause], dict[LetterId, DeadLetter]]:
    async with session.letters() as letters:
        selection = await select(filters, session.worklist(letters), states=OPEN)
        causes = await letters.groups(selection, now=now())
        return causes, await _examples(letters, causes)


async def _examples(letters: DeadLetters, causes: Sequence[Cause]) -> dict[LetterId, DeadLetter]:
    """The text of each group, from its newest letter."""
    found: dict[LetterId, DeadLetter] = {}
    for start in range(0, len(causes), _EXAMPLES_AT_ONCE):
        ids = tuple(each.example for each in causes[start : start + _EXAMPLES_AT_ONCE])
        page = await letters.find(Selection(ids=ids), limit=len(ids))
        found |= {letter.id: letter for letter in page}
    return found


def _row(cause: Cause, example: DeadLetter | None, moment: datetime) -> dict[str, object]:
    suggestion = advice(cause)
    problem = example.problem if example else None
    return {
        "group": cause.fingerprint,
        "agency": cause.mailbox,
        "class": cause.failure_class,
        "code": cause.code,
        "stage": cause.stage,
        "field": cause.field,
        "text_en": problem and problem.text(),
        "text_vi": problem and problem.text(Language.VIETNAMESE),
        "letters": sum(cause.counts.values()),
        "states": {str(state): count for state, count in cause.counts.items()},
        "oldest": cause.oldest.isoformat(),
        "oldest_seconds": int((moment - cause.oldest).total_seconds()),
        "newest": cause.newest.isoformat(),
        "newest_seconds": int((moment - cause.newest).total_seconds()),
        "last_hour": cause.recent,
        "hour_before": cause.earlier,
        "trend": trend(cause),
        "example": cause.example,
        "suggestion_en": suggestion.text_en,
        "suggestion_vi": suggestion.text_vi,
        "commands": list(suggestion.commands),
    }


def _summary(causes: Sequence[Cause]) -> Text:
    total = sum(sum(cause.counts.values()) for cause in causes)
    count = f"{counted(total, 'dead letter')}, {counted(len(causes), 'cause')}"
    states = {
        state: sum(cause.counts.get(state, 0) for cause in causes)
        for state in dict.fromkeys(state for cause in causes for state in cause.counts)
    }
    return Text.assemble((count, "bold"), " · ", states_of(states))


def _show(
    console: Console, cause: Cause, example: DeadLetter | None, session: Session, moment: datetime
) -> None:
    console.print(_head(cause, session, moment))
    if example is not None:
        console.print(_paragraph(legible(example.problem.text())))
    suggestion = advice(cause)
    console.print(_paragraph(suggestion.text_en, "bold"))
    console.print(_paragraph(suggestion.text_vi, "dim"))
    for command in suggestion.commands:
        say(console, f"{_MARGIN}$ {session.typed(command)}", "cyan")


def _head(cause: Cause, session: Session, moment: datetime) -> Table:
    """Two lines: which cause at whom, and how many since when."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    group, where = cause.fingerprint[:8], f" · {cause.stage}"
    if cause.field:
        where += f" · field {legible(cause.field)}"
    ages = f"oldest {age(moment - cause.oldest)}, newest {age(moment - cause.newest)}"
    grid.add_row(
        Text.assemble((group, "bold magenta"), " ", (legible(cause.code), "bold red"), where),
        Text.assemble(states_of(cause.counts), " ", _arrow(cause)),
    )
    name = session.name_of(cause.mailbox)
    grid.add_row(
        Text(f"{_MARGIN}for {legible(cause.mailbox)}{f' {name}' if name else ''}", "bold"),
        Text(ages, "dim"),
    )
    return grid


def _paragraph(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style), (0, 0, 0, len(_MARGIN)))


def _arrow(cause: Cause) -> Text:
    sign = trend(cause)
    return Text(sign, {"↑": "bold red", "↓": "green"}.get(sign, "dim"))

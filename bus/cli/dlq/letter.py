"""`dlq show`: one dead letter. Only this command decodes the content."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bus.bootstrap.process import now
from bus.cli.dlq.conflict import conflict_json, conflict_table
from bus.cli.dlq.content import content_of
from bus.cli.dlq.session import Session
from bus.cli.dlq.style import STATE_STYLE, counted
from bus.cli.legible import legible
from bus.cli.moment import ZONE, age, shown_exactly
from bus.cli.option_set import takes_sets
from bus.cli.output import print_json, say, screen, write_bytes
from bus.core.dead_letters.inspection import Inspection, inspect
from bus.core.dead_letters.letter import DeadLetter, HistoryEntry, LetterState
from bus.core.dead_letters.triage import Suggestion, suggest
from bus.core.directory import vouched
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.revocation.statement import Assurance, Revocation
from bus.keys.ring import read_folder
from schemas.problem import ConfigurationError, Language, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sheet:
    """Everything that is shown of a letter.

    Attributes:
        set_aside: Key files that do not count, which may be why its signature is not believed.
    """

    letter: DeadLetter
    history: Sequence[HistoryEntry]
    inspection: Inspection
    set_aside: Sequence[Problem]

    @property
    def suggestion(self) -> Suggestion:
        return suggest(
            failure_class=self.letter.failure_class,
            code=self.letter.problem.code,
            states=(self.letter.state,),
            target=self.letter.id[:8],
            example=self.letter.id,
        )


@takes_sets
def show(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="The letter; its first digits do.")
    ],
    session: Session,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original body alone, byte for byte.")
    ] = False,
    raw_signature: Annotated[
        bool, typer.Option("--raw-signature", help="Write its signature alone: a detached JWS.")
    ] = False,
) -> None:
    """Show one dead letter: what is wrong, what it is, whether its signature is good, its history.

    The signature is verified anew, with the certificates that lie in the home now.
    """
    if raw and raw_signature:
        raise typer.BadParameter("--raw and --raw-signature exclude each other")
    letter, history, message = session.run(_read(letter_id, session))
    if raw:
        write_bytes(message.body)
        return
    if raw_signature:
        write_bytes(f"{message.signature}\n".encode(errors="backslashreplace"))
        return
    moment = now()
    sheet = _inspected(letter, history, message, session, moment)
    if session.as_json:
        print_json(_json(sheet, message))
        return
    _show(screen(), sheet, session, moment)


async def _read(
    letter_id: str, session: Session
) -> tuple[DeadLetter, Sequence[HistoryEntry], WireMessage]:
    async with session.letters() as letters:
        letter = await letters.letter(letter_id)
        return letter, await letters.history(letter.id), await letters.message(letter.id)


def _inspected(
    letter: DeadLetter,
    history: Sequence[HistoryEntry],
    message: WireMessage,
    session: Session,
    moment: datetime,
) -> _Sheet:
    """Check the signature; if the key folder is broken, show the letter with that problem."""
    set_aside: Sequence[Problem] = ()
    try:
        directory = session.routing.directory
        believed = read_folder(session.folder.keys)
        keys, broken = believed.ring.limited_to(vouched(directory)), None
        set_aside = believed.set_aside
    except ConfigurationError as error:
        keys, broken = KeyRing(), error.problem
    found = inspect(
        message,
        mailbox=letter.mailbox,
        keys=keys,
        routing=session.routing,
        now=moment,
        received_at=letter.first_failed_at,
    )
    return _Sheet(
        letter=letter,
        history=history,
        inspection=replace(found, doubt=broken) if broken else found,
        set_aside=() if found.verified else set_aside,
    )


def _json(sheet: _Sheet, message: WireMessage) -> dict[str, object]:
    letter, inspection = sheet.letter, sheet.inspection
    verified = inspection.verified
    return {
        "letter": letter.model_dump(mode="json"),
        "problem": _both(letter.problem),
        "signature": {
            "valid": verified is not None,
            "by": verified and verified.owner,
            "at": verified and verified.signed_at.isoformat(),
            "certificate": verified and verified.thumbprint,
            "revocation": inspection.revocation and _revocation(inspection.revocation),
            "not_revoked": inspection.assurance and _assurance(inspection.assurance),
            "doubt": inspection.doubt and _both(inspection.doubt),
            "refusal": inspection.refusal and _both(inspection.refusal),
        },
        "proven": verified is not None,
        **conflict_json(letter, inspection.envelope),
        "envelope": inspection.envelope
        and inspection.envelope.model_dump(mode="json", exclude_defaults=True),
        "body_bytes": len(message.body),
        "history": [entry.model_dump(mode="json") for entry in sheet.history],
        "suggestion_en": sheet.suggestion.text_en,
        "suggestion_vi": sheet.suggestion.text_vi,
        "commands": list(sheet.suggestion.commands),
    }


def _revocation(revocation: Revocation) -> dict[str, object]:
    return {
        "certificate": revocation.thumbprint,
        "at": revocation.at.isoformat(),
        "reason": revocation.reason,
        "source": revocation.stated_in or revocation.source,
        "stated_at": revocation.stated_at and revocation.stated_at.isoformat(),
    }


def _assurance(assurance: Assurance) -> dict[str, object]:
    return {"source": assurance.stated_in, "stated_at": assurance.stated_at.isoformat()}


def _both(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "text_en": problem.text(),
        "text_vi": problem.text(Language.VIETNAMESE),
        "advice_en": problem.advice(),
        "advice_vi": problem.advice(Language.VIETNAMESE),
    }


def _show(console: Console, sheet: _Sheet, session: Session, moment: datetime) -> None:
    letter = sheet.letter
    say(
        console,
        Text.assemble(("Dead letter ", "bold"), (letter.id, "bold magenta"), (f"  {ZONE}", "dim")),
    )
    _grid(console, _standing(letter, session, moment))
    _heading(console, "What is wrong")
    _wrong(console, letter)
    if letter.problem.code == "E_CONFLICT":
        _heading(console, "What arrived before, and what arrived now")
        console.print(conflict_table(letter, sheet.inspection.envelope))
    _heading(console, "Signature, verified now")
    _verdict(console, sheet.inspection, sheet.set_aside)
    proven = sheet.inspection.verified is not None
    _heading(
        console,
        "Content",
        ("as signed", "green") if proven else ("a claim: nothing proves it", "bold red"),
    )
    if sheet.inspection.envelope is None:
        say(console, "  The body is no envelope; see it with --raw.")
    else:
        _grid(console, content_of(sheet.inspection.envelope))
    _heading(console, "History")
    _grid(console, map(_entry, sheet.history))
    _heading(console, "What to do")
    suggestion = sheet.suggestion
    console.print(Padding(Text(suggestion.text_en, "bold"), (0, 2)))
    console.print(Padding(Text(suggestion.text_vi, "dim"), (0, 2)))
    for command in suggestion.commands:
        if " show " not in command:
            say(console, f"  $ {session.typed(command)}", "cyan")


def _standing(
    letter: DeadLetter, session: Session, moment: datetime
) -> Iterable[tuple[str, Text | str]]:
    state = Text(letter.state, STATE_STYLE[letter.state])
    if letter.state is LetterState.WAITING and letter.due_at is not None:
        state.append(f", tried again at {shown_exactly(letter.due_at)}")
    if letter.returned:
        state.append(", came back from its last replay", "bold red")
    yield "state", state
    if letter.order is not None:
        yield "order", f"{letter.order}: {session.typed(f'lienthong dlq follow {letter.order}')}"
    yield "from", _named(letter.sender, session) or "nobody is proven"
    yield "to", _named(letter.mailbox, session)
    if letter.reporter:
        yield "reported by", legible(letter.reporter)
    yield "lane, kind", f"{legible(letter.lane)}, {legible(letter.kind)}"
    yield "group", f"{letter.fingerprint} (its fingerprint)"
    tries = counted(letter.attempts, "failed attempt")
    yield "tries", f"{tries}, {counted(letter.replays, 'replay')}"
    yield "failing for", age(moment - letter.first_failed_at)


def _named(code: str, session: Session) -> str:
    return f"{legible(code)} {session.name_of(code)}".strip() if code else ""


def _wrong(console: Console, letter: DeadLetter) -> None:
    problem = letter.problem
    place = problem.place.describe()
    say(
        console,
        Text.assemble("  ", (legible(problem.code), "bold red"), f" at stage {letter.stage}")
        + Text(f", {legible(place)}" if place else ""),
    )
    for language, style in ((Language.ENGLISH, ""), (Language.VIETNAMESE, "dim")):
        text = legible(f"{problem.text(language)} {problem.advice(language)}")
        console.print(Padding(Text(text, style), (0, 2)))
    if problem.detail:
        console.print(Padding(Text(f"[{legible(problem.detail)}]", "dim"), (0, 2)))


def _verdict(console: Console, inspection: Inspection, set_aside: Sequence[Problem]) -> None:
    verified = inspection.verified
    if verified is None:
        mark, text = "✘ ", Text("not to be trusted", "bold red")
    else:
        mark = "✔ "
        text = Text(f"good: signed by {verified.owner} at {shown_exactly(verified.signed_at)}")
        text.stylize("green")
    say(console, Text.assemble("  ", mark, text))
    if verified is not None:
        say(console, f"    certificate {verified.thumbprint}", "dim")
        say(console, f"    {legible(_standing_of_certificate(inspection))}", "dim")
    for problem in (inspection.doubt, inspection.refusal, *set_aside):
        if problem is not None:
            lead = "yet its mailbox would refuse it: " if verified else ""
            text = Text.assemble(lead, (problem.code, "bold red"), f": {legible(problem.text())}")
            console.print(Padding(text, (0, 4)))
            vietnamese = legible(problem.text(Language.VIETNAMESE))
            console.print(Padding(Text(vietnamese, "dim"), (0, 4)))


def _standing_of_certificate(inspection: Inspection) -> str:
    revocation, assurance = inspection.revocation, inspection.assurance
    if revocation is not None:
        at = shown_exactly(revocation.at)
        return f"revoked since {at} ({revocation.reason}, says {revocation.evidence})"
    if assurance is not None:
        stated_at = shown_exactly(assurance.stated_at)
        return f"not revoked, says {assurance.stated_in} of {stated_at}"
    return "no source says whether it is revoked"


def _entry(entry: HistoryEntry) -> tuple[str, Text | str]:
    by = f" by {legible(entry.operator)}" if entry.operator else ""
    order = f", order {entry.order}" if entry.order else ""
    text = f": {legible(entry.text)}" if entry.text else ""
    return shown_exactly(entry.at), f"{entry.happening}{by}{order}{text}"


def _heading(console: Console, title: str, *more: tuple[str, str]) -> None:
    console.print()
    console.print(Text.assemble((title, "bold"), *(part for each in more for part in ("  ", each))))


def _grid(console: Console, rows: Iterable[tuple[str, Text | str]]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(f"  {name}", Text(value) if isinstance(value, str) else value)
    console.print(grid)

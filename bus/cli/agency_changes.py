"""`lienthong agency edit|remove|retire`: changes of agencies that are in the directory."""

from datetime import date
from typing import Annotated

import typer

from adapters.registry import require_endpoint, require_format
from bus.cli.directory_change import Force, change
from bus.cli.options import Home
from bus.cli.output import note
from bus.core.directory import edit, remove, retire
from bus.core.directory_import import FIRST_DAY, LAST_DAY, entered_day
from bus.core.directory_rules import alias_of, clean_name, own_code
from schemas.directory import AgencyKind, Directory
from schemas.identifiers import AgencyCode
from schemas.problem import AxisError

Code = Annotated[str, typer.Argument(help="The agency's own code.")]


def register(agency: typer.Typer) -> None:
    """Add the commands to those of `lienthong agency`."""
    agency.command("edit")(edit_agency)
    agency.command("retire")(retire_agency)
    agency.command("remove")(remove_agencies)


def edit_agency(
    code: Code,
    name: Annotated[str | None, typer.Option(help="Name in Vietnamese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="Name in English; '' takes it away.")] = None,
    parent: Annotated[
        str | None, typer.Option(help="Code of the superior agency; '' takes it away.")
    ] = None,
    kind: Annotated[AgencyKind | None, typer.Option(help="What sort of body.")] = None,
    alias: Annotated[
        list[str] | None, typer.Option(help="Another code that it gets; repeatable.")
    ] = None,
    no_alias: Annotated[
        list[str] | None, typer.Option(help="A code that it loses; repeatable.")
    ] = None,
    connected: Annotated[
        bool | None,
        typer.Option(
            "--connected/--disconnected",
            help="Give it a mailbox of its own, or let its superior's serve it.",
        ),
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="What its system reads.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="How its system is reached.")] = None,
    valid_from: Annotated[
        str | None, typer.Option(help="First day of its codes, 2025-07-01; '' takes it away.")
    ] = None,
    valid_to: Annotated[
        str | None, typer.Option(help="Last day of its codes; '' takes a retirement back.")
    ] = None,
    merged_into: Annotated[
        str | None, typer.Option(help="Who takes over after that day; '' takes it away.")
    ] = None,
    force: Force = False,
    home: Home = None,
) -> None:
    """Change what is said of an agency. A running axis takes it up within a second or two."""
    changes: dict[str, object] = {
        **_texts(code, name=name, name_en=name_en),
        **{
            field: AgencyCode(given) if given else None
            for field, given in (("parent", parent), ("merged_into", merged_into))
            if given is not None
        },
        **{
            field: _day(given) if given else None
            for field, given in (("valid_from", valid_from), ("valid_to", valid_to))
            if given is not None
        },
        **{
            field: given
            for field, given in (
                ("kind", kind),
                ("connected", connected),
                ("format", format_name),
                ("endpoint", endpoint),
            )
            if given is not None
        },
    }
    if format_name is not None:
        require_format(format_name)
    if endpoint is not None:
        require_endpoint(endpoint)
    also = [alias_of(own_code(code), each) for each in alias or ()]
    if not changes and not also and not no_alias:
        raise typer.BadParameter("say what to change, for example --name")
    dropped = frozenset(no_alias or ())
    change(
        home,
        f"edit {code}",
        lambda directory: edit(directory, code, changes, also=also, no_more=dropped),
        force=force,
    )


def retire_agency(
    code: Code,
    on: Annotated[
        str, typer.Option(help="The first day on which it is no more, 2025-07-01 or 1/7/2025.")
    ],
    into: Annotated[
        str | None,
        typer.Option(help="Who takes over. Without, documents to it are refused from that day."),
    ] = None,
    home: Home = None,
) -> None:
    """Record that an agency ends, or is merged into another.

    From that day on all its codes lead to the successor, with the warning W_CODE_EXPIRED, and units
    that its mailbox served are served by the successor's. What its own mailbox still holds is
    handed over to its own system, which may answer it but send no new documents. Nothing is lost
    while both systems run side by side.
    """
    day = _day(on)
    after = change(
        home, f"retire {code}", lambda directory: retire(directory, code, into=into, on=day)
    )
    retired = next(agency for agency in after.agencies if agency.code == code)
    if retired.connected:
        note(
            f"keep the system of {code} running until its mailbox is empty; then "
            f"'lienthong agency edit {code} --disconnected --force' closes it"
        )
    if into is not None and not _is_served(after, AgencyCode(into)):
        note(f"nobody serves {into}: documents for {code} will be refused from that day")


def remove_agencies(
    codes: Annotated[list[str], typer.Argument(help="Own codes, one or several.")],
    force: Force = False,
    home: Home = None,
) -> None:
    """Take out what was entered by mistake, with its aliases. What took part is retired instead."""
    change(
        home,
        f"remove {' '.join(codes)}",
        lambda directory: remove(directory, codes),
        force=force,
    )


def _texts(code: str, *, name: str | None, name_en: str | None) -> dict[str, object]:
    changes: dict[str, object] = {}
    if name is not None:
        changes["name_vi"] = clean_name(name, code=code)
    if name_en is not None:
        changes["name_en"] = clean_name(name_en, code=code) if name_en else None
    return changes


def _is_served(directory: Directory, code: AgencyCode) -> bool:
    agencies = {agency.code: agency for agency in directory.agencies}
    at: AgencyCode | None = code
    while at is not None:
        if agencies[at].connected:
            return True
        at = agencies[at].parent
    return False


def _day(text: str) -> date:
    try:
        return entered_day(text)
    except ValueError as error:
        raise AxisError.of("E_TABLE_DATE", value=text, first=FIRST_DAY, second=LAST_DAY) from error

"""`lienthong agency edit|remove|retire`: change agencies that are in the directory."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated

import typer

from adapters.registry import require_endpoint, require_format
from bus.cli.directory_change import Force, change
from bus.cli.options import Home
from bus.cli.output import note
from bus.core.directory import edit, remove, retire
from bus.core.directory_import import FIRST_DAY, LAST_DAY, entered_day
from bus.core.directory_rules import alias_of, clean_name, own_code
from bus.core.routing import Routing
from schemas.directory import AgencyKind
from schemas.identifiers import AgencyCode
from schemas.problem import AxisError

Code = Annotated[str, typer.Argument(help="The agency's own code.")]


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
    plain: dict[str, object] = {
        "name_vi": None if name is None else clean_name(name, code=code),
        "kind": kind,
        "connected": connected,
        "format": format_name,
        "endpoint": endpoint,
    }
    changes = {field: value for field, value in plain.items() if value is not None}
    removable: tuple[tuple[str, str | None, Callable[[str], object]], ...] = (
        ("name_en", name_en, partial(clean_name, code=code)),
        ("parent", parent, AgencyCode),
        ("merged_into", merged_into, AgencyCode),
        ("valid_from", valid_from, _day),
        ("valid_to", valid_to, _day),
    )
    changes |= {
        field: read(text) if text else None for field, text, read in removable if text is not None
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
    if into is not None and not Routing(after).mailbox_or_none(AgencyCode(into), day):
        note(f"nobody serves {into}: documents for {code} will be refused from that day")


def remove_agencies(
    codes: Annotated[list[str], typer.Argument(help="Own codes, one or several.")],
    force: Force = False,
    home: Home = None,
) -> None:
    """Remove agencies that were entered by mistake. Retire those that have exchanged documents."""
    deed = f"remove {' '.join(codes)}"
    change(home, deed, lambda directory: remove(directory, codes), force=force)


def _day(text: str) -> date:
    try:
        return entered_day(text)
    except ValueError as error:
        raise AxisError.of("E_TABLE_DATE", value=text, first=FIRST_DAY, second=LAST_DAY) from error

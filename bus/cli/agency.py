"""`lienthong agency`: the agencies of the axis, their codes, mailboxes and broker accounts."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.registry import require_endpoint, require_format
from bus.bootstrap.broker import apply_accounts, renew_password
from bus.bootstrap.credentials import lay_out
from bus.bootstrap.directory import directory_of
from bus.cli.agency_changes import edit_agency, remove_agencies, retire_agency
from bus.cli.agency_table import export_agencies, import_agencies
from bus.cli.directory_change import change
from bus.cli.options import Home, NewHome
from bus.cli.output import AsJson, listing, note, print_json
from bus.cli.recorded import recorded
from bus.core.directory import add, edit
from bus.core.directory_rules import alias_of, clean_name, own_code
from bus.core.routing import Routing
from bus.home.layout import Home as HomeFolder
from bus.keys.ring import load_ring
from bus.settings import load_settings
from schemas.codes import FormatName
from schemas.directory import FOLDER_ENDPOINT, Agency, AgencyKind
from schemas.identifiers import AgencyCode, MailboxName, to_qcvn102
from schemas.vietnam import day_in_vietnam

app = typer.Typer(
    no_args_is_help=True,
    help="List, show, add, change and vouch for agencies; their access to the broker.",
)

Code = Annotated[str, typer.Argument(help="The agency's code, for example H24 or H24.05.")]


app.command("edit")(edit_agency)
app.command("retire")(retire_agency)
app.command("remove")(remove_agencies)
app.command("import")(import_agencies)
app.command("export")(export_agencies)


def _routing(home: Home) -> Routing:
    return Routing(directory_of(load_settings(home=home)).load())


def _today() -> date:
    return day_in_vietnam(datetime.now(UTC))


def _rows(routing: Routing, agencies: Iterable[Agency]) -> list[dict[str, object]]:
    aliases: defaultdict[str, list[str]] = defaultdict(list)
    for alias in routing.directory.aliases:
        aliases[alias.agency].append(alias.code)
    return [_row(agency, routing, aliases[agency.code]) for agency in agencies]


def _row(agency: Agency, routing: Routing, aliases: list[str]) -> dict[str, object]:
    return {
        "code": agency.code,
        "aliases": aliases,
        "name": agency.name_vi,
        "name_en": agency.name_en,
        "kind": agency.kind,
        "parent": agency.parent,
        "format": agency.format,
        "endpoint": agency.endpoint,
        "valid_from": agency.valid_from,
        "valid_to": agency.valid_to,
        "merged_into": agency.merged_into,
        "mailbox": routing.mailbox_or_none(agency.code, _today()),
        "suspended": agency.suspended,
        "seals": agency.seals,
        "certificates": list(agency.certificates),
        "confidence": agency.confidence,
    }


@app.command("list")
def list_agencies(
    home: Home = None,
    kind: Annotated[AgencyKind | None, typer.Option(help="Only this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the agencies of the directory."""
    routing = _routing(home)
    agencies = routing.directory.agencies
    rows = _rows(routing, (each for each in agencies if kind in (None, each.kind)))
    ending = (name for name in ("valid_to", "merged_into") if any(row[name] for row in rows))
    listing(
        rows,
        as_json=as_json,
        title=f"Directory, version {routing.directory.version}",
        columns=(
            *("code", "name", "kind", "parent", "mailbox", "suspended", "confidence"),
            *ending,
        ),
    )


@app.command()
def show(code: Code, home: Home = None, as_json: AsJson = False) -> None:
    """Show one agency, found by any of its codes; also one that has ended, with its successor."""
    routing = _routing(home)
    [row] = _rows(routing, [routing.named(code, _today())])
    if as_json:
        print_json(row)
    else:
        listing([{"field": name, "value": value} for name, value in row.items()], as_json=False)


@app.command("add")
def add_agency(
    code: Code,
    name: Annotated[str, typer.Option(help="Name in Vietnamese.")],
    parent: Annotated[str | None, typer.Option(help="Code of the superior agency.")] = None,
    kind: Annotated[AgencyKind, typer.Option(help="What sort of body.")] = AgencyKind.UNIT,
    alias: Annotated[
        list[str] | None, typer.Option(help="Another code, for example 000.05.00.H24; repeatable.")
    ] = None,
    connected: Annotated[
        bool,
        typer.Option(
            "--connected",
            help="Give it a mailbox and a folder of its own. "
            "Without, its nearest connected superior receives for it.",
        ),
    ] = False,
    format_name: Annotated[
        str, typer.Option("--format", help="What its system reads, for example edxml or json.")
    ] = FormatName.EDXML,
    endpoint: Annotated[
        str, typer.Option(help="How its system is reached, for example by a folder.")
    ] = FOLDER_ENDPOINT,
    home: NewHome = None,
) -> None:
    """Add an agency. A running axis takes it up within a second or two."""
    own = own_code(code)
    require_format(format_name)
    require_endpoint(endpoint)
    others = dict.fromkeys([*(alias or ()), *filter(None, [to_qcvn102(own)])])
    others.pop(own, None)
    agency = Agency(
        code=own,
        name_vi=clean_name(name, code=own),
        kind=kind,
        parent=AgencyCode(parent) if parent else None,
        connected=connected,
        format=format_name,
        endpoint=endpoint,
    )
    aliases = [alias_of(own, other) for other in others]
    change(home, f"add {code}", lambda directory: add(directory, agency, aliases))


@app.command("suspend")
def suspend_agency(code: Code, home: Home = None) -> None:
    """Suspend an agency: it may neither send nor be sent to.

    Its connections are closed at once, and it cannot log in again. Messages in its mailbox stay.
    """
    change(home, f"suspend {code}", lambda directory: edit(directory, code, {"suspended": True}))
    _apply_accounts(home)


@app.command("resume")
def resume_agency(code: Code, home: Home = None) -> None:
    """Let a suspended agency take part again.

    A running axis accepts its login when all workers know it, within a second or two.
    """
    change(home, f"resume {code}", lambda directory: edit(directory, code, {"suspended": False}))
    if HomeFolder(load_settings(home=home).home).running() is None:
        _apply_accounts(home)


@app.command("credentials")
def credentials(
    code: Code,
    to: Annotated[Path, typer.Option(help="Folder to lay them out in.", file_okay=False)],
    broker: Annotated[
        str | None,
        typer.Option(
            help="How the agency reaches the broker, amqps://host:port/. Default: as here."
        ),
    ] = None,
    move_key: Annotated[
        bool,
        typer.Option("--move-key", help="Keep no copy of the private key that signs for it."),
    ] = False,
    home: Home = None,
) -> None:
    """Lay out what an agency's own worker needs on its own machine, for `lienthong connect`.

    The folder contains the directory, all certificates, the agency's private keys and the login at
    the broker. Transport it safely: whoever has it can send as this agency.
    """
    settings = load_settings(home=home)
    with recorded(settings, "agency credentials", code, "in", to):
        told = lay_out(settings, MailboxName(code), to, broker=broker, move_key=move_key)
    way = "its certificate" if told.by_certificate else "its password"
    note(f"{told.folder}: {told.account} logs in with {way}")
    if told.signing_keys and not move_key:
        note("its signing key is still here too; say --move-key to let the agency alone have it")


@app.command("rotate")
def rotate(code: Code, home: Home = None) -> None:
    """Give an agency's account another password; its connections are closed at once."""
    settings = load_settings(home=home)
    with recorded(settings, "agency rotate", code):
        _note_whether_told(asyncio.run(renew_password(settings, MailboxName(code))))


def _apply_accounts(home: Home) -> None:
    _note_whether_told(asyncio.run(apply_accounts(load_settings(home=home))))


def _note_whether_told(told: bool) -> None:
    if not told:
        note("no broker is running; it is told when the axis starts")


@app.command("seal")
def seal_agency(code: Code, home: Home = None) -> None:
    """Seal every document that a connected agency's mailbox sends; unsealed ones are refused."""
    change(home, f"seal {code}", lambda directory: edit(directory, code, {"seals": True}))


@app.command("unseal")
def unseal_agency(code: Code, home: Home = None) -> None:
    """Leave it to each document whether it is sealed."""
    change(home, f"unseal {code}", lambda directory: edit(directory, code, {"seals": False}))


@app.command("vouch")
def vouch_for(
    code: Code,
    release: Annotated[
        bool,
        typer.Option("--release", help="The opposite: whichever certificates are filed speak."),
    ] = False,
    home: Home = None,
) -> None:
    """Let only the certificates that are filed now speak for an agency.

    The signed directory names them. A certificate that is stored later is not trusted until it is
    vouched for, too.
    """
    ring = load_ring(load_settings(home=home).home / "keys")
    filed = () if release else tuple(key for key in ring if ring[key].owner == code)
    if not filed and not release:
        raise typer.BadParameter(f"no certificate of {code} is filed; see 'lienthong keys show'")
    named = {"certificates": tuple(sorted(filed))}
    change(home, f"vouch {code}", lambda directory: edit(directory, code, named))

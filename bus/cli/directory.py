"""`lienthong directory`: the versions of the directory, and the way back to one of them."""

from typing import Annotated

import typer

from bus.bootstrap.directory import Restoration, directory_of, restoration_of, restore_directory
from bus.cli.directory_change import (
    DryRun,
    Force,
    Yes,
    agreed,
    json_of,
    made_by,
    show_difference,
    tell_version,
)
from bus.cli.moment import shown_exactly
from bus.cli.options import Home
from bus.cli.output import AsJson, listing, note, print_json
from bus.cli.recorded import recorded
from bus.core.directory_rows import difference
from bus.settings import load_settings
from schemas.directory import Directory

app = typer.Typer(
    no_args_is_help=True,
    help="The versions of the signed directory: who changed what when, and the way back.",
)


@app.command()
def history(
    version: Annotated[
        int | None, typer.Argument(help="Show what this version changed.", min=1)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many versions.", min=1)] = 50,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List the versions that are kept, the newest first: when, by whom, by which command.

    The time is the signature's, in Viet Nam time; the operator's name is not signed.
    """
    file = directory_of(load_settings(home=home))
    if version is not None:
        before = Directory() if version == 1 else file.version(version - 1)
        found = difference(before, file.version(version))
        if as_json:
            print_json({"version": version, **json_of(found)})
        else:
            show_difference(found)
        return
    revisions = file.history()[:limit]
    rows: list[dict[str, object]] = [
        {
            "version": each.version,
            "signed_at": each.signed_at if as_json else shown_exactly(each.signed_at),
            "operator": each.operator,
            "command": each.deed,
            "added": each.added,
            "changed": each.changed,
            "removed": each.removed,
        }
        for each in revisions
    ]
    listing(rows, as_json=as_json, title="Versions of the directory, Viet Nam time")


@app.command()
def restore(
    version: Annotated[
        int | None,
        typer.Argument(
            help="Which. Default: the newest that is good and differs from what is there.", min=1
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    force: Force = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Sign the content of an older version as the newest one; the directory only goes forward.

    Also where the directory is refused, spoiled or missing. A running axis takes it up.
    """
    settings = load_settings(home=home)
    found = restoration_of(settings, version)
    if not as_json:
        _show(found)
    if dry_run or not agreed(yes=yes or as_json):
        if as_json:
            print_json({"applied": False, **_json(found)})
        else:
            note("nothing was changed")
        return
    with recorded(settings, "directory restore", f"version {found.version}"):
        after = restore_directory(
            settings, found, made=made_by(f"restore {found.version}"), force=force
        )
    if as_json:
        print_json({"applied": True, "version": after.version, **_json(found)})
    else:
        tell_version(None, after)


def _show(found: Restoration) -> None:
    if found.refusal is not None:
        note(f"the directory is refused: {found.refusal}")
    note(f"back to what version {found.version} said:")
    show_difference(found.difference)


def _json(found: Restoration) -> dict[str, object]:
    refusal = found.refusal.code if found.refusal is not None else None
    return {"content_of": found.version, "refusal": refusal, **json_of(found.difference)}

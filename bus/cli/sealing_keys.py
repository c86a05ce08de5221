"""`lienthong keys seal-…`: the keys that documents are sealed to, and their rotation."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bus.cli.options import Home
from bus.cli.output import AsJson, listing, note
from bus.cli.recorded import recorded
from bus.core.sealing.suite import SealingSuite
from bus.home.layout import Home as HomeFolder
from bus.keys.ring import load_ring, load_signing_key
from bus.keys.sealing import SealingFolder, SealingRow
from bus.settings import load_settings
from schemas.identifiers import MailboxName

_SHOWN = ("owner", "suite", "key", "valid_to", "days_left", "private_key", "problem")


def register(keys: typer.Typer) -> None:
    """Add the commands to those of `lienthong keys`."""
    keys.command("seal-show")(show)
    keys.command("seal-rotate")(rotate)


def show(home: Home = None, as_json: AsJson = False) -> None:
    """List every published sealing key, whether it is its owner's, and whether we open with it."""
    folder, now = HomeFolder(load_settings(home=home).home).keys, datetime.now(UTC)
    rows = [_row(row, now) for row in SealingFolder(folder).describe(load_ring(folder), now=now)]
    listing(rows, as_json=as_json, title="Sealing keys", columns=_SHOWN)


def rotate(
    mailbox: Annotated[str, typer.Argument(help="Whose key, for example H24.")],
    suite: Annotated[SealingSuite, typer.Option(help="The cipher suite.")] = SealingSuite.HYBRID,
    home: Home = None,
) -> None:
    """Make a new sealing key beside the old ones, which still open what is on its way.

    Senders use it as soon as its published file is in their key folders.
    """
    settings, now = load_settings(home=home), datetime.now(UTC)
    folder, access = HomeFolder(settings.home).keys, settings.key_access
    with recorded(settings, "keys seal-rotate", mailbox):
        key_id = SealingFolder(folder).rotate(
            MailboxName(mailbox),
            suite=suite,
            signing=lambda owner: load_signing_key(folder, owner, now=now, access=access),
            now=now,
        )
    note(f"{mailbox} is sealed to key {key_id[:12]} from now on")


def _row(row: SealingRow, now: datetime) -> dict[str, object]:
    key = row.key
    return {
        "owner": row.owner,
        "file": row.file,
        "suite": key.suite if key else None,
        "key": row.key_id[:12] if row.key_id else None,
        "key_id": row.key_id,
        "valid_from": key.not_before.date().isoformat() if key else None,
        "valid_to": key.not_after.date().isoformat() if key else None,
        "days_left": (key.not_after - now).days if key else None,
        "private_key": row.has_private_key,
        "problem": str(row.problem) if row.problem else None,
    }

"""`lienthong keys`: which certificates are here, whose they are, and how long they last."""

from datetime import UTC, datetime

import typer

from bus.cli.options import Home
from bus.cli.output import AsJson, listing
from bus.keys.ring import KeyRow, describe
from bus.settings import load_settings
from bus.store.home import Home as HomeFolder

app = typer.Typer(no_args_is_help=True, help="Show certificates and keys.")


@app.callback()
def keys() -> None:
    """Show certificates and keys. They are made on first use by a development authority."""


@app.command()
def show(home: Home = None, as_json: AsJson = False) -> None:
    """List every certificate with its owner, validity and whether its private key is here."""
    folder = HomeFolder(load_settings(home=home).home).keys
    rows = [_row(row) for row in describe(folder, now=datetime.now(UTC))]
    listing(rows, as_json=as_json, title="Certificates", columns=_SHOWN)


_SHOWN = ("owner", "algorithm", "valid_to", "days_left", "private_key", "authority", "problem")


def _row(row: KeyRow) -> dict[str, object]:
    key = row.key
    return {
        "owner": row.owner,
        "subject": key.subject if key else None,
        "algorithm": key.algorithms[0] if key else None,
        "valid_from": key.not_before.date().isoformat() if key else None,
        "valid_to": key.not_after.date().isoformat() if key else None,
        "days_left": row.days_left,
        "private_key": row.has_private_key,
        "authority": "DEVELOPMENT" if row.development else key.issuer if key else None,
        "thumbprint": key.thumbprint if key else None,
        "problem": str(row.problem) if row.problem else None,
    }

"""`lienthong keys`: which certificates are here, and their life: request, import, rotate, revoke."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bus.cli.options import Home
from bus.cli.output import AsJson, Exit, listing, print_json
from bus.core.ending import WARNED_AHEAD
from bus.core.keyring import thumbprint_of
from bus.core.revocation import RevocationReason
from bus.keys.authority import DevelopmentAuthority
from bus.keys.folder import KeyFolder
from bus.keys.requests import (
    KeyKind,
    Request,
    import_authority,
    import_certificate,
    kind_of,
    make_request,
    requests_here,
)
from bus.keys.revoked import revoke_here
from bus.keys.ring import KeyRow, describe
from bus.settings import Settings, load_settings
from bus.store.home import Home as HomeFolder
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

app = typer.Typer(no_args_is_help=True, help="Certificates and keys, from request to revocation.")

_DEVELOPMENT = "DEVELOPMENT"

Code = Annotated[str, typer.Argument(help="The agency's code, for example H24.05.")]
Encrypt = Annotated[
    bool,
    typer.Option(
        "--encrypt",
        help="Encrypt the private key; needs LIENTHONG_KEY_PASSPHRASE_FILE, with which the axis "
        "encrypts what it makes in any case.",
    ),
]
Chosen = Annotated[KeyKind, typer.Option(help="What the pair is made of.")]


@app.callback()
def keys() -> None:
    """Certificates and keys. A development authority makes them where there are none."""


@app.command(name="list")
@app.command()
def show(home: Home = None, as_json: AsJson = False) -> None:
    """List every certificate: owner, end, what it is for here, and what is wrong with it."""
    settings, files = _folder(home)
    now = datetime.now(UTC)
    rows = describe(files.root, now=now, access=settings.key_access)
    waiting = requests_here(files)
    if as_json:
        listing([*map(_row, rows), *map(_waiting, waiting)], as_json=True)
        return
    listing(
        [*(_shown(row) for row in rows), *(_shown_waiting(each) for each in waiting)],
        as_json=False,
        title="Certificates",
    )
    if any(row.development for row in rows):
        Console().print(
            Text(
                f"{_DEVELOPMENT}: made by this axis for trying it out; no authority vouches for "
                "them. Ask for real ones with 'lienthong keys request'.",
                style="yellow",
            )
        )


@app.command()
def request(
    code: Code,
    algorithm: Chosen = KeyKind.P256,
    encrypt: Encrypt = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a private key that stays here, and print the certificate request for the authority.

    Nothing changes until its certificate is brought in with `keys import`.
    """
    settings, files = _folder(home)
    made = _requested(settings, files, MailboxName(code), kind=algorithm, encrypt=encrypt)
    _tell_request(made, as_json=as_json)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="PEM, with its chain in any order; or DER.")],
    owner: Annotated[
        str | None,
        typer.Option("--as", help="Whose it is. Default: who asked for it, or whom it states."),
    ] = None,
    authority: Annotated[
        bool, typer.Option("--authority", help="Trust this authority from now on.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            help="Its private key is in a token: 'pkcs11:token=…;object=…', without any PIN."
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Bring in a certificate: the answer to a request, another agency's, or an authority's.

    One that answers a request takes over from the one before, also in a running axis.
    """
    settings, files = _folder(home)
    if authority:
        rows = [
            {
                "trusted": each.subject.rfc4514_string(),
                "thumbprint": thumbprint_of(each),
                "valid_to": each.not_valid_after_utc.date().isoformat(),
            }
            for each in import_authority(files, file)
        ]
        listing(rows, as_json=as_json, title="Authorities trusted from now on")
        return
    done = import_certificate(
        files,
        file,
        owner=MailboxName(owner) if owner else None,
        token=token,
        access=settings.key_access,
        now=datetime.now(UTC),
    )
    told = {
        "owner": done.key.owner,
        "file": done.file,
        "thumbprint": done.key.thumbprint,
        "valid_to": done.key.not_after.date().isoformat(),
        "signs_here": done.answers,
    }
    if as_json:
        print_json(told)
        return
    use = (
        f"{done.key.owner} signs with it from now on; what was signed before stays proven"
        if done.answers
        else f"what {done.key.owner} signs with it is believed from now on; its private key is "
        "not here"
    )
    _say(f"filed as {done.file}, valid until {told['valid_to']}: {use}")


@app.command()
def rotate(
    code: Code,
    algorithm: Annotated[
        KeyKind | None,
        typer.Option(help="What the new pair is made of. Default: as the old.", show_default=False),
    ] = None,
    encrypt: Encrypt = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a new pair beside the old one, which goes on proving what it has signed.

    With a development certificate at once. Otherwise a request is printed, and its certificate
    takes over when it is brought in with `keys import`.
    """
    settings, files = _folder(home)
    owner, now = MailboxName(code), datetime.now(UTC)
    rows = [row for row in describe(files.root, now=now, access=settings.key_access)]
    mine = [row for row in rows if row.owner == owner and row.has_private_key]
    current = next((row for row in mine if row.signs), None)
    if not mine:
        cause = "it has no key pair here to be rotated; ask for one with 'lienthong keys request'"
        raise AxisError.of("E_KEYS", agency=owner, cause=cause)
    if all(row.development for row in mine) and algorithm in (None, KeyKind.P256):
        if encrypt:
            _must_have_passphrase(settings, owner)
        authority = DevelopmentAuthority.open(files.root, now=now, access=settings.key_access)
        filed = authority.issue(owner, now=now)
        told = {
            "owner": owner,
            "file": filed.path.name,
            "thumbprint": thumbprint_of(filed.certificate()),
            "authority": _DEVELOPMENT,
        }
        if as_json:
            print_json(told)
            return
        _say(f"{owner} signs with {filed.path.name} ({_DEVELOPMENT}) from now on")
        return
    kind = algorithm or (
        kind_of(current.key.public_key) if current and current.key else KeyKind.P256
    )
    made = _requested(settings, files, owner, kind=kind, encrypt=encrypt)
    _tell_request(made, as_json=as_json)


@app.command()
def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="CODE|THUMBPRINT",
            help="A certificate, or the only one of an agency that is not revoked yet.",
        ),
    ],
    reason: Annotated[RevocationReason, typer.Option(help="As in RFC 5280.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """State that a certificate counts no more from this moment. It cannot be taken back.

    What it signed before still counts, unless the reason is a compromise. To replace a key
    without a gap, rotate first, and revoke when the new one is in use.
    """
    settings, files = _folder(home)
    now = datetime.now(UTC)
    rows = describe(files.root, now=now, access=settings.key_access)
    row = _the_one(rows, which)
    if row.key is None:
        raise AxisError.of("E_KEYS", agency=row.owner, cause=str(row.problem))
    done = revoke_here(files, row.key.thumbprint, reason=reason, now=now)
    after = describe(files.root, now=now, access=settings.key_access)
    left = any(each.signs for each in after if each.owner == row.owner)
    if as_json:
        print_json(
            {
                "owner": row.owner,
                "thumbprint": done.thumbprint,
                "at": done.at.isoformat(),
                "reason": done.reason,
                "can_sign": left,
            }
        )
    else:
        before = (
            "nothing it ever signed counts"
            if reason.is_compromise
            else "what it signed " + ("before still counts")
        )
        _say(f"{row.file} of {row.owner} is revoked from {done.at.isoformat()} on; {before}")
    if row.has_private_key and not left:
        _say(
            f"{row.owner} has nothing left to sign with: what it sends waits until there is. "
            + (
                "A running axis makes a DEVELOPMENT certificate by itself."
                if row.development
                else f"See 'lienthong keys request {row.owner}'."
            )
        )


def _folder(home: Path | None) -> tuple[Settings, KeyFolder]:
    settings = load_settings(home=home)
    return settings, KeyFolder(HomeFolder(settings.home).keys)


def _requested(
    settings: Settings, files: KeyFolder, owner: MailboxName, *, kind: KeyKind, encrypt: bool
) -> Request:
    if encrypt:
        _must_have_passphrase(settings, owner)
    return make_request(
        files,
        owner,
        kind=kind,
        passphrase=settings.key_access.passphrase(agency=owner),
        now=datetime.now(UTC),
    )


def _must_have_passphrase(settings: Settings, owner: MailboxName) -> None:
    if settings.key_passphrase_file is None:
        cause = "to encrypt its key, name a file by the setting LIENTHONG_KEY_PASSPHRASE_FILE"
        raise AxisError.of("E_KEYS", agency=owner, cause=cause)


def _tell_request(made: Request, *, as_json: bool) -> None:
    if as_json:
        print_json({"owner": made.owner, "file": str(made.path), "request": made.pem()})
        return
    sys.stdout.write(made.pem())
    _say(
        f"the private key stays in {made.private_key_path}. Send the request to the authority "
        f"({made.path}), and bring its answer in with: lienthong keys import FILE"
    )


def _the_one(rows: tuple[KeyRow, ...], which: str) -> KeyRow:
    named = [row for row in rows if row.key is not None and row.key.thumbprint == which]
    owned = [row for row in rows if row.owner == which and row.revocation is None]
    match named or owned:
        case [row]:
            if row.revocation is not None:
                _say(f"it was revoked already, from {row.revocation.at.isoformat()} on")
                raise typer.Exit(Exit.REFUSED)
            return row
        case []:
            cause = "there is no certificate of this owner or thumbprint that counts"
        case _:
            cause = "it has several certificates; name one by its thumbprint (keys list --json)"
    raise AxisError.of("E_KEYS", agency=which, cause=cause)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, soft_wrap=True, markup=False)


def _row(row: KeyRow) -> dict[str, object]:
    key = row.key
    return {
        "owner": row.owner,
        "state": _state(row),
        "subject": key.subject if key else None,
        "algorithm": key.algorithms[0] if key else None,
        "valid_from": key.not_before.date().isoformat() if key else None,
        "valid_to": key.not_after.date().isoformat() if key else None,
        "days_left": row.days_left,
        "private_key": row.has_private_key,
        "in_token": row.in_token,
        "authority": _DEVELOPMENT if row.development else key.issuer if key else None,
        "thumbprint": key.thumbprint if key else None,
        "revoked_at": row.revocation.at.isoformat() if row.revocation else None,
        "revoked_for": row.revocation.reason if row.revocation else None,
        "file": row.file,
        "problem": str(row.problem) if row.problem else None,
    }


def _waiting(made: Request) -> dict[str, object]:
    told: dict[str, object] = dict.fromkeys(_FIELDS)
    return told | {
        "owner": made.owner,
        "state": "requested",
        "private_key": True,
        "in_token": False,
        "file": made.path.name,
    }


def _state(row: KeyRow) -> str:
    if row.revocation is not None:
        return "revoked"
    if row.problem is not None or row.days_left is None:
        return "unusable"
    if row.days_left < 0:
        return "ended"
    return "signs" if row.signs else "believed"


def _shown(row: KeyRow) -> dict[str, object]:
    said = _row(row)
    return {
        "owner": row.owner,
        "state": Text(str(said["state"]), style=_STYLES[str(said["state"])]),
        "algorithm": said["algorithm"],
        "ends": said["valid_to"],
        "days_left": _days_left(row),
        "private_key": "token" if row.in_token else row.has_private_key,
        "authority": Text(_DEVELOPMENT, style="yellow") if row.development else said["authority"],
        "problem": said["problem"],
    }


def _shown_waiting(made: Request) -> dict[str, object]:
    shown: dict[str, object] = dict.fromkeys(
        ("owner", "state", "algorithm", "ends", "days_left", "private_key", "authority", "problem")
    )
    return shown | {"owner": made.owner, "state": Text("requested"), "private_key": True}


def _days_left(row: KeyRow) -> Text | None:
    if row.days_left is None:
        return None
    if row.days_left < 0:
        return Text(f"{row.days_left}", style="red")
    far, near, _ = (ahead.days for ahead in WARNED_AHEAD)
    if row.days_left < near:
        return Text(f"{row.days_left} ends soon", style="bold red")
    if row.days_left < far:
        return Text(f"{row.days_left} ends soon", style="yellow")
    return Text(f"{row.days_left}", style="green")


_STYLES = {
    "signs": "green",
    "believed": "",
    "ended": "dim",
    "revoked": "red",
    "unusable": "bold red",
}
_FIELDS = (
    "owner",
    "state",
    "subject",
    "algorithm",
    "valid_from",
    "valid_to",
    "days_left",
    "private_key",
    "in_token",
    "authority",
    "thumbprint",
    "revoked_at",
    "revoked_for",
    "file",
    "problem",
)

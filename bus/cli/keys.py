"""`lienthong keys`: the life of certificates: listed, requested, imported, rotated, revoked."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bus.cli import sealing_keys
from bus.cli.certificates import (
    MARK,
    certificate_row,
    certificate_shown,
    request_row,
    request_shown,
)
from bus.cli.moment import shown_alone
from bus.cli.options import Home, NewHome
from bus.cli.output import AsJson, listing, print_json, say, screen
from bus.cli.recorded import recorded
from bus.cli.sources import sources
from bus.core.keyring import thumbprint_of
from bus.core.revocation.statement import RevocationReason
from bus.home.layout import Home as HomeFolder
from bus.keys.authority import DevelopmentAuthority
from bus.keys.certificate_import import import_authority, import_certificate
from bus.keys.folder import KeyFolder
from bus.keys.requests import (
    KeyKind,
    Request,
    kind_of,
    make_request,
    requests_here,
)
from bus.keys.revocation_store import revoke_here
from bus.keys.ring import KeyRow, describe
from bus.settings import Settings, load_settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import term

app = typer.Typer(no_args_is_help=True, help="Certificates and keys, from request to revocation.")

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


app.command()(sources)


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
        listing([*map(certificate_row, rows), *map(request_row, waiting)], as_json=True)
        return
    listing(
        [*map(certificate_shown, rows), *map(request_shown, waiting)],
        as_json=False,
        title="Certificates",
    )
    if any(row.development for row in rows):
        screen().print(
            Text(
                f"{MARK}: made by this axis for trying it out; no authority vouches for "
                "them. Ask for real ones with 'lienthong keys request'.",
                style="yellow",
            )
        )


@app.command()
def request(
    code: Code,
    algorithm: Chosen = KeyKind.P256,
    encrypt: Encrypt = False,
    home: NewHome = None,
    as_json: AsJson = False,
) -> None:
    """Make a private key that stays here, and print the certificate request for the authority.

    Nothing changes until its certificate is brought in with `keys import`.
    """
    settings, files = _folder(home)
    with recorded(settings, "keys request", code):
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
    home: NewHome = None,
    as_json: AsJson = False,
) -> None:
    """Bring in a certificate: the answer to a request, another agency's, or an authority's.

    One that answers a request takes over from the one before, also in a running axis.
    """
    settings, files = _folder(home)
    if authority:
        with recorded(settings, "keys import", "authority", file.name):
            trusted = import_authority(files, file)
        rows = [
            {
                "trusted": each.subject.rfc4514_string(),
                "thumbprint": thumbprint_of(each),
                "valid_to": each.not_valid_after_utc.date().isoformat(),
            }
            for each in trusted
        ]
        listing(rows, as_json=as_json, title="Authorities trusted from now on")
        return
    with recorded(settings, "keys import", *filter(None, [owner]), file.name):
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
    rows = describe(files.root, now=now, access=settings.key_access)
    mine = [row for row in rows if row.owner == owner and row.has_private_key]
    current = next((row for row in mine if row.signs), None)
    if not mine:
        cause = term("key_no_pair")
        raise AxisError.of("E_KEYS", agency=owner, cause=cause)
    if all(row.development for row in mine) and algorithm in (None, KeyKind.P256):
        if encrypt:
            _must_have_passphrase(settings, owner)
        with recorded(settings, "keys rotate", owner):
            authority = DevelopmentAuthority.open(files.root, now=now, access=settings.key_access)
            filed = authority.issue(owner, now=now)
        told = {
            "owner": owner,
            "file": filed.path.name,
            "thumbprint": thumbprint_of(filed.certificate()),
            "authority": MARK,
        }
        if as_json:
            print_json(told)
            return
        _say(f"{owner} signs with {filed.path.name} ({MARK}) from now on")
        return
    kind = algorithm or (
        kind_of(current.key.public_key) if current and current.key else KeyKind.P256
    )
    with recorded(settings, "keys rotate", owner):
        made = _requested(settings, files, owner, kind=kind, encrypt=encrypt)
    _tell_request(made, as_json=as_json)


# One thumbprint in 64 begins with a dash.
@app.command(context_settings={"ignore_unknown_options": True})
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
    row = _the_one(rows, which, reason)
    if row.key is None:
        raise AxisError.of("E_KEYS", agency=row.owner, cause=row.problem)
    with recorded(settings, "keys revoke", row.owner, row.key.thumbprint, why=reason):
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
        before = "what it signed before still counts"
        if reason.is_compromise:
            before = "nothing it ever signed counts"
        _say(f"{row.file} of {row.owner} is revoked from {shown_alone(done.at)} on; {before}")
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
        cause = term("passphrase_file_missing")
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


def _the_one(rows: tuple[KeyRow, ...], which: str, reason: RevocationReason) -> KeyRow:
    """The certificate that is meant. Revoked already it can only be revoked for a compromise."""
    named = [row for row in rows if row.key is not None and row.key.thumbprint == which]
    owned = [row for row in rows if row.owner == which and row.revocation is None]
    match named or owned:
        case [row]:
            known = row.revocation
            if known is None or (reason.is_compromise and not known.reason.is_compromise):
                return row
            cause = term("revoked_already", at=shown_alone(known.at), reason=known.reason)
        case []:
            cause = term("no_counting_certificate")
        case _:
            prints = ", ".join(row.key.thumbprint for row in owned if row.key is not None)
            cause = term("several_certificates", thumbprints=prints)
    raise AxisError.of("E_KEYS", agency=which, cause=cause)


def _say(text: str) -> None:
    say(screen(stderr=True), text)


sealing_keys.register(app)

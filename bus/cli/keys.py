"""`lienthong keys`: certificates, and the keys that documents are sealed to."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bus.cli.certificates import MARK, certificate_row, keys_of, request_row, shown
from bus.cli.options import Home, NewHome
from bus.cli.output import AsJson, announce, listing, note, print_json, screen, tell_outcome
from bus.cli.recorded import recorded
from bus.cli.revocation import revoke, sources
from bus.core.keyring import thumbprint_of
from bus.core.sealing.suite import SealingSuite
from bus.keys.authority import DevelopmentAuthority
from bus.keys.certificate_import import import_authority, import_certificate
from bus.keys.requests import KeyKind, Request, kind_of, requests_here
from bus.keys.ring import load_ring, load_signing_key
from bus.keys.sealing import SealingFolder, SealingRow
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

app.command()(sources)
# One thumbprint in 64 begins with a dash.
app.command(context_settings={"ignore_unknown_options": True})(revoke)


@app.callback()
def keys() -> None:
    """Certificates and keys. A development authority makes those that are missing."""


@app.command(name="list")
@app.command()
def show(home: Home = None, as_json: AsJson = False) -> None:
    """List every certificate: owner, end, what it is for here, and what is wrong with it."""
    keys = keys_of(home)
    certificates = keys.rows()
    rows = [*map(certificate_row, certificates), *map(request_row, requests_here(keys.files))]
    if as_json:
        listing(rows, as_json=True)
        return
    listing([shown(row) for row in rows], as_json=False, title="Certificates")
    if any(row.development for row in certificates):
        screen().print(
            f"{MARK}: made by this axis for trying it out; no authority vouches for them. "
            "Ask for real ones with 'lienthong keys request'.",
            style="yellow",
        )


@app.command()
def request(
    code: Code,
    algorithm: Annotated[KeyKind, typer.Option(help="The kind of the key pair.")] = KeyKind.P256,
    encrypt: Encrypt = False,
    home: NewHome = None,
    as_json: AsJson = False,
) -> None:
    """Make a private key that stays here, and print the certificate request for the authority.

    Nothing changes until its certificate is brought in with `keys import`.
    """
    keys = keys_of(home, encrypt_for=code if encrypt else None)
    with recorded(keys.settings, "keys request", code):
        made = keys.request(MailboxName(code), algorithm)
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
    keys = keys_of(home)
    if authority:
        with recorded(keys.settings, "keys import", "authority", file.name):
            trusted = import_authority(keys.files, file)
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
    with recorded(keys.settings, "keys import", *filter(None, [owner]), file.name):
        done = import_certificate(
            keys.files,
            file,
            owner=MailboxName(owner) if owner else None,
            token=token,
            access=keys.settings.key_access,
            now=keys.now,
        )
    told = {
        "owner": done.key.owner,
        "file": done.file,
        "thumbprint": done.key.thumbprint,
        "valid_to": done.key.not_after.date().isoformat(),
        "signs_here": done.answers,
    }
    use = (
        f"{done.key.owner} signs with it from now on; what was signed before stays proven"
        if done.answers
        else f"what {done.key.owner} signs with it is believed from now on; its private key is "
        "not here"
    )
    tell_outcome(
        told, f"filed as {done.file}, valid until {told['valid_to']}: {use}", as_json=as_json
    )


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
    owner, keys = MailboxName(code), keys_of(home, encrypt_for=code if encrypt else None)
    mine = [row for row in keys.rows() if row.owner == owner and row.has_private_key]
    if not mine:
        raise AxisError.of("E_KEYS", agency=owner, cause=term("key_no_pair"))
    if all(row.development for row in mine) and algorithm in (None, KeyKind.P256):
        access = keys.settings.key_access
        with recorded(keys.settings, "keys rotate", owner):
            authority = DevelopmentAuthority.open(keys.files.root, now=keys.now, access=access)
            filed = authority.issue(owner, now=keys.now)
        told = {
            "owner": owner,
            "file": filed.path.name,
            "thumbprint": thumbprint_of(filed.certificate()),
            "authority": MARK,
        }
        sentence = f"{owner} signs with {filed.path.name} ({MARK}) from now on"
        tell_outcome(told, sentence, as_json=as_json)
        return
    current = next((row.key for row in mine if row.signs), None)
    kind = kind_of(current.public_key) if current else KeyKind.P256
    with recorded(keys.settings, "keys rotate", owner):
        made = keys.request(owner, algorithm or kind)
    _tell_request(made, as_json=as_json)


def _tell_request(made: Request, *, as_json: bool) -> None:
    if as_json:
        print_json({"owner": made.owner, "file": str(made.path), "request": made.pem()})
        return
    sys.stdout.write(made.pem())
    announce(
        f"the private key stays in {made.private_key_path}. Send the request to the authority "
        f"({made.path}), and bring its answer in with: lienthong keys import FILE"
    )


@app.command("seal-show")
def show_sealing_keys(home: Home = None, as_json: AsJson = False) -> None:
    """List every published sealing key, whether it is its owner's, and whether we open with it."""
    keys = keys_of(home)
    folder = keys.files.root
    found = SealingFolder(folder).describe(load_ring(folder), now=keys.now)
    columns = ("owner", "suite", "key", "valid_to", "days_left", "private_key", "problem")
    rows = [_sealing_row(row, keys.now) for row in found]
    listing(rows, as_json=as_json, title="Sealing keys", columns=columns)


@app.command("seal-rotate")
def rotate_sealing_key(
    mailbox: Annotated[str, typer.Argument(help="Whose key, for example H24.")],
    suite: Annotated[SealingSuite, typer.Option(help="The cipher suite.")] = SealingSuite.HYBRID,
    home: Home = None,
) -> None:
    """Make a new sealing key beside the old ones, which still open what is on its way.

    Senders use it as soon as its published file is in their key folders.
    """
    keys = keys_of(home)
    folder, access = keys.files.root, keys.settings.key_access
    with recorded(keys.settings, "keys seal-rotate", mailbox):
        key_id = SealingFolder(folder).rotate(
            MailboxName(mailbox),
            suite=suite,
            signing=lambda owner: load_signing_key(folder, owner, now=keys.now, access=access),
            now=keys.now,
        )
    note(f"{mailbox} is sealed to key {key_id[:12]} from now on")


def _sealing_row(row: SealingRow, now: datetime) -> dict[str, object]:
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

"""Credentials: writes what an agency's own worker needs into a folder that becomes its home."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.durable_files import replace_file
from bus.bootstrap.broker import passwords_of
from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.core.routing import Routing
from bus.core.topology import account_of
from bus.home.layout import Home
from bus.keys.directory_authority import directory_folder
from bus.keys.files import read_certificates, write_file
from bus.keys.folder import KeyFolder
from bus.keys.sealing import SealingFolder
from bus.keys.transport import TransportAuthority
from bus.rabbit.tls import as_account, without_login
from bus.settings import Settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term

CONNECTION = "connection.env"
"""The settings of the connection, for a shell or systemd; may hold a password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """The result.

    Attributes:
        by_certificate: The agency logs in by certificate; else by its password.
        signing_keys: The hub's copies of the agency's private signing keys.
    """

    account: str
    folder: Path
    by_certificate: bool
    signing_keys: tuple[Path, ...]


def lay_out(
    settings: Settings, mailbox: MailboxName, folder: Path, *, broker: str | None, move_key: bool
) -> Credentials:
    """Write the directory, certificates, the agency's own keys, and the address of the broker.

    It may be repeated for a newer directory or certificates; the files of a worker there stay.

    Args:
        broker: `amqps://host:port/vhost` as the agency reaches it; None: as the hub reaches it.
        move_key: Keep no copy of the agency's private keys for signing and for opening seals.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN: it has no mailbox. E_SETTING: no broker is known.
            E_KEYS: a file cannot be written.
    """
    home, there = Home(settings.home.absolute()), Home(folder.absolute())
    directory = directory_of(settings).load()
    if mailbox not in Routing(directory).mailboxes:
        raise AxisError.of("E_AGENCY_UNKNOWN", code=mailbox)
    account, url = account_of(mailbox), _broker_url(settings, home, broker)
    there.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in _public(home):
        _copy(path, home, there)
    filed = KeyFolder(home.keys).filed_under(mailbox)
    keys = tuple(key.private_key_path for key in filed if key.has_private_key)
    for path in keys:
        _copy(path, home, there)
        if move_key:
            path.unlink()
    SealingFolder(home.keys).copy_to(mailbox, there.keys, move=move_key)
    by_certificate = _transport(settings, home, there, account)
    if not by_certificate:
        url = as_account(url, account, passwords_of(settings).of(account))
    write_file(there.path / CONNECTION, f"LIENTHONG_AMQP_URL={url}\n".encode(), agency=account)
    return Credentials(
        account=account, folder=there.path, by_certificate=by_certificate, signing_keys=keys
    )


def _broker_url(settings: Settings, home: Home, given: str | None) -> str:
    running = home.running()
    known = running.amqp_url if running else settings.amqp_url
    url = given or known
    if url is None:
        cause = term("broker_unstated")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    return without_login(url).partition("?")[0]


def _public(home: Home) -> Iterator[Path]:
    # First the certificates of the signers, then the signature, then the directory itself.
    yield from _certificates(directory_folder(home.keys).glob("*.pem"))
    yield from (home.directory.with_suffix(".jws"), home.directory)
    yield from _certificates((home.keys / "authorities").glob("*.pem"))
    yield from _certificates((home.keys / "agencies").glob("*/*.pem"))
    revoked = KeyFolder(home.keys).revoked
    if revoked.exists():
        yield revoked


def _certificates(paths: Iterable[Path]) -> Iterator[Path]:
    """The readable files; files that are ignored here, such as incomplete ones, are not copied."""
    for path in sorted(paths):
        try:
            read_certificates(path, agency=path.parent.name)
        except ConfigurationError:
            continue
        yield path


def _transport(settings: Settings, home: Home, there: Home, account: str) -> bool:
    """Copy the broker's authority, and a certificate for the login if the authority is ours."""
    there.transport.mkdir(mode=0o700, exist_ok=True)
    authority = TransportAuthority(home.transport)
    ours = authority.certificate.exists() and settings.amqp_url is None
    if ours:
        files = authority.for_account(account, now=now())
        for path in (authority.certificate, files.certificate, files.key):
            _copy(path, home, there)
    elif settings.amqp_ca is not None:
        shutil.copyfile(settings.amqp_ca, there.transport / authority.certificate.name)
    return ours


def _copy(path: Path, home: Home, there: Home) -> None:
    target = there.path / path.relative_to(home.path)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Atomically: a worker may be running there.
    replace_file(target, path.read_bytes(), mode=0o600)

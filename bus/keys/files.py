"""Read and write files with keys and certificates; only their owner can read private keys.

`folder` knows where each file is.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from adapters.durable_files import replace_file, sync_folder
from bus.core.algorithm import PrivateKey
from bus.core.certificate import UnreadableError, certificates_in
from schemas.limits import MAX_CERTIFICATE_FILE_BYTES
from schemas.problem import AxisError, Place
from schemas.term import Coded, Term, of_os, term

GROUP_AND_OTHERS = 0o077
"""Permissions that no file with a secret may have."""

_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""Errors of the disk or of permissions, not of the keys."""
_ENCRYPTED = b"ENCRYPTED"  # in the first line of encrypted PKCS #8 (RFC 7468, 11)
_MOST_KEY_BYTES = 64 * 1024


@contextmanager
def key_errors(path: Path, *, agency: str) -> Iterator[None]:
    """Convert errors of the disk and of wrong content.

    Raises:
        ConfigurationError: E_KEYS; or E_PATH: permissions are missing, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _PLACE:
            raise AxisError.of("E_PATH", path=path, cause=of_os(error)) from error
        raise unusable(path, agency, of_os(error)) from error
    except UnreadableError as error:
        raise unusable(path, agency, error.cause) from error
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise unusable(path, agency, term("no_pem", said=error)) from error


def read_certificates(path: Path, *, agency: str) -> list[x509.Certificate]:
    """The certificates of a PEM file, or the one of a DER file. Raises as `key_errors`."""
    with key_errors(path, agency=agency):
        return certificates_in(read_regular(path, most=MAX_CERTIFICATE_FILE_BYTES))


def read_regular(path: Path, *, most: int) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: It cannot be read.
        UnreadableError: It is not a regular file, or has more than `most` bytes.
    """
    return _read_regular(path, most=most)[0]


def _read_regular(path: Path, *, most: int) -> tuple[bytes, int]:
    """The content and the mode of a regular file."""
    with open(path, "rb", opener=_without_waiting) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableError(term("no_regular_file"))
        data = file.read(most + 1)
    if len(data) > most:
        raise UnreadableError(term("file_long", limit=most))
    return data, mode


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting: otherwise opening a pipe waits for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_private_key(path: Path, *, agency: str, passphrase: bytes | None = None) -> PrivateKey:
    """The private key of a PEM file that only its owner can read.

    Args:
        passphrase: For an encrypted key; a key that is not encrypted needs none.

    Raises:
        ConfigurationError: E_KEYS: it cannot be read, others can read it too, or the passphrase is
            missing or wrong. Or as `key_errors`.
    """
    pem = _read_private(path, agency, term("key_readable"))
    with key_errors(path, agency=agency):
        encrypted = _ENCRYPTED in pem
        if encrypted and passphrase is None:
            raise unusable(path, agency, term("key_encrypted"))
        try:
            key = load_pem_private_key(pem, password=passphrase if encrypted else None)
        except ValueError as error:
            if encrypted:
                # The message of the library fills a screen.
                raise unusable(path, agency, term("passphrase_wrong")) from error
            raise
    if not isinstance(key, PrivateKey):
        raise unusable(path, agency, term("key_kind"))
    return key


def write_certificates(
    path: Path, certificates: Sequence[x509.Certificate], *, agency: str
) -> None:
    """Write a certificate and its intermediate certificates, as `write_file`, for everybody."""
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
    write_file(path, pem, mode=0o644, agency=agency)


def write_private_key(
    path: Path, key: PrivateKey, *, agency: str, passphrase: bytes | None = None
) -> None:
    """Write a private key, as `write_file`; `passphrase` encrypts it (PKCS #8)."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    write_file(
        path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), agency=agency
    )


def write_file(path: Path, data: bytes, *, agency: str, mode: int = 0o600) -> None:
    """Write a file atomically, always with these permissions. Raises as `key_errors`."""
    with key_errors(path, agency=agency):
        replace_file(path, data, mode=mode)


def read_secret_file(path: Path, *, agency: str) -> bytes:
    """The content of a file that only its owner can read. Raises as `key_errors`."""
    return _read_private(path, agency, term("file_readable"))


def _read_private(path: Path, agency: str, exposed: Term) -> bytes:
    """The content of a file with a secret; `exposed`: the error if others can read it too."""
    with key_errors(path, agency=agency):
        data, mode = _read_regular(path, most=_MOST_KEY_BYTES)
    if mode & GROUP_AND_OTHERS:
        raise unusable(path, agency, exposed)
    return data


def sync_keys(folder: Path, *, agency: str) -> None:
    """Sync a folder, so that names of new files survive a power failure. Raises as `key_errors`."""
    with key_errors(folder, agency=agency):
        sync_folder(folder)


def unusable(path: Path, agency: str, cause: Coded) -> AxisError:
    """The error E_KEYS about a file."""
    return AxisError.of("E_KEYS", place=Place(file=path.name), agency=agency, cause=cause)

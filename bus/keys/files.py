"""Files: read and write one private key or certificate; private keys only for their owner.

`folder` decides where each file is.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
from schemas.term import Coded, of_os, term

GROUP_AND_OTHERS = 0o077
"""Permissions that no file with a secret may have."""

_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""Errors of the disk or its permissions, not of the keys."""
_ENCRYPTED = b"ENCRYPTED"  # in the first line of encrypted PKCS #8 (RFC 7468, 11)
_MOST_KEY_BYTES = 64 * 1024


@contextmanager
def key_errors(path: Path, *, agency: str) -> Iterator[None]:
    """Turn errors of the disk, and of wrong content, into errors about this agency's keys.

    Raises:
        ConfigurationError: E_KEYS; or E_PATH: the path may not be read or written, or the disk is
            full.
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
    """The certificates of a PEM file, or the only one of a DER file.

    Raises:
        ConfigurationError: It cannot be read (E_KEYS).
    """
    with key_errors(path, agency=agency):
        return certificates_in(read_regular(path, most=MAX_CERTIFICATE_FILE_BYTES))


def read_regular(path: Path, *, most: int) -> bytes:
    """The content of a regular file, with a size limit; never waits for a pipe.

    Raises:
        OSError: It cannot be read.
        UnreadableError: It is no regular file, or has more than `most` bytes.
    """
    with _open_regular(path) as file:
        return _read_at_most(file, most)


@contextmanager
def _open_regular(path: Path) -> Iterator[BinaryIO]:
    with open(path, "rb", opener=_without_waiting) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableError(term("no_regular_file"))
        yield file


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting: opening a pipe would wait for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read_at_most(file: BinaryIO, most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise UnreadableError(term("file_long", limit=most))
    return data


def read_private_key(path: Path, *, agency: str, passphrase: bytes | None = None) -> PrivateKey:
    """The private key of a PEM file that only its owner can read.

    Args:
        passphrase: For an encrypted key; one that is not encrypted is read without.

    Raises:
        ConfigurationError: It cannot be read, or group or others may read it too, or it is
            encrypted with another passphrase (E_KEYS).
    """
    with key_errors(path, agency=agency), _open_regular(path) as file:
        if os.fstat(file.fileno()).st_mode & GROUP_AND_OTHERS:
            raise unusable(path, agency, term("key_readable"))
        pem = _read_at_most(file, _MOST_KEY_BYTES)
        encrypted = _ENCRYPTED in pem
        if encrypted and passphrase is None:
            raise unusable(
                path,
                agency,
                term("key_encrypted"),
            )
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
    """Write a certificate and its intermediate certificates, readable by everybody, atomically.

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    with key_errors(path, agency=agency):
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
        replace_file(path, pem, mode=0o644)


def write_private_key(
    path: Path, key: PrivateKey, *, agency: str, passphrase: bytes | None = None
) -> None:
    """Write a private key atomically; nobody but its owner can read it at any moment.

    Args:
        passphrase: Encrypts it (PKCS #8).

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    write_file(
        path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), agency=agency
    )


def write_file(path: Path, data: bytes, *, agency: str, mode: int = 0o600) -> None:
    """Write a file atomically, with the permissions `mode` from the first moment.

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    with key_errors(path, agency=agency):
        replace_file(path, data, mode=mode)


def read_secret_file(path: Path, *, agency: str) -> bytes:
    """The content of a file that only its owner can read.

    Raises:
        ConfigurationError: It cannot be read, or group or others may read it too (E_KEYS).
    """
    with key_errors(path, agency=agency), _open_regular(path) as file:
        if os.fstat(file.fileno()).st_mode & GROUP_AND_OTHERS:
            raise unusable(path, agency, term("file_readable"))
        return _read_at_most(file, _MOST_KEY_BYTES)


def sync_keys(folder: Path, *, agency: str) -> None:
    """Sync a folder, so that the names of new files survive a power cut.

    Raises:
        ConfigurationError: The disk failed (E_KEYS).
    """
    with key_errors(folder, agency=agency):
        sync_folder(folder)


def unusable(path: Path, agency: str, cause: Coded) -> AxisError:
    """The error E_KEYS about one file."""
    return AxisError.of("E_KEYS", place=Place(file=path.name), agency=agency, cause=cause)

"""Files: one private key or certificate on disk, written whole and kept from other eyes.

Which file lies where is known to `folder`.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bus.core.algorithm import PrivateKey
from schemas.problem import AxisError, Place

_GROUP_AND_OTHERS = 0o077


@contextmanager
def doorway(path: Path, *, agency: str) -> Iterator[None]:
    """Tell what the disk, or a file that is not what it should be, did to this agency's keys.

    Raises:
        ConfigurationError: It failed (E_KEYS).
    """
    try:
        yield
    except OSError as error:
        raise _unusable(path, agency, error.strerror or type(error).__name__) from error
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        # TypeError: the private key is encrypted and we have no password.
        raise _unusable(
            path, agency, f"no unencrypted PEM of a supported kind ({error})"
        ) from error


def read_certificates(path: Path, *, agency: str) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        ConfigurationError: It cannot be read (E_KEYS).
    """
    with doorway(path, agency=agency):
        return x509.load_pem_x509_certificates(path.read_bytes())


def read_private_key(path: Path, *, agency: str) -> PrivateKey:
    """The private key of a PEM file that only its owner can read.

    Raises:
        ConfigurationError: It cannot be read, or group or others may read it too (E_KEYS).
    """
    with doorway(path, agency=agency), path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _GROUP_AND_OTHERS:
            raise _unusable(path, agency, "others can read the private key; use 'chmod 600'")
        key = load_pem_private_key(file.read(), password=None)
    if not isinstance(key, PrivateKey):
        raise _unusable(path, agency, "the private key is neither P-256, Ed25519 nor RSA")
    return key


def write_certificate(path: Path, certificate: x509.Certificate, *, agency: str) -> None:
    """Write a certificate, whole or not at all, for everybody to read.

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    with doorway(path, agency=agency):
        _replace(path, certificate.public_bytes(Encoding.PEM), mode=0o644)


def write_private_key(path: Path, key: PrivateKey, *, agency: str) -> None:
    """Write a private key, whole or not at all, never readable by others even for a moment.

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with doorway(path, agency=agency):
        _replace(path, pem, mode=0o600)


def write_file(path: Path, data: bytes, *, mode: int, agency: str) -> None:
    """Write a file, whole or not at all, readable by nobody beyond `mode` even for a moment.

    Raises:
        ConfigurationError: It cannot be written (E_KEYS).
    """
    with doorway(path, agency=agency):
        _replace(path, data, mode=mode)


def read_secret_file(path: Path, *, agency: str) -> bytes:
    """The content of a file that only its owner can read.

    Raises:
        ConfigurationError: It cannot be read, or group or others may read it too (E_KEYS).
    """
    with doorway(path, agency=agency), path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _GROUP_AND_OTHERS:
            raise _unusable(path, agency, "others can read it; use 'chmod 600'")
        return file.read()


def sync_folder(folder: Path, *, agency: str) -> None:
    """Let the names of new files survive a power cut.

    Raises:
        ConfigurationError: The disk failed (E_KEYS).
    """
    with doorway(folder, agency=agency):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _replace(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file in place of what was there; its bytes are on the disk before its name is."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unusable(path: Path, agency: str, cause: str) -> AxisError:
    return AxisError.of("E_KEYS", place=Place(file=path.name), agency=agency, cause=cause)

"""KeyAccess: the secrets that open private keys: the passphrase of files, the PIN of tokens.

Secrets are read from files that only their owner can read. They never stand on a command line or
in the environment, because other processes and crash reports can see those.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from bus.keys.files import GROUP_AND_OTHERS, key_errors, unusable
from schemas.term import term

_MOST_SECRET_BYTES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyAccess:
    """In which files the secrets are, as the operator has set.

    Attributes:
        passphrase_file: Holds the passphrase of encrypted private keys.
        module: The PKCS #11 module of the tokens, a shared library.
        pin_file: Holds the PIN of the tokens. A key's URI may name another file (`pin-source`).
    """

    passphrase_file: Path | None = None
    module: Path | None = None
    pin_file: Path | None = None

    def passphrase(self, *, agency: str) -> bytes | None:
        """The passphrase; None if none is set. Raises `ConfigurationError` E_KEYS."""
        if self.passphrase_file is None:
            return None
        return read_secret(self.passphrase_file, agency=agency)


def read_secret(path: Path, *, agency: str) -> bytes:
    """The first line of a file that only its owner can read.

    Raises:
        ConfigurationError: It cannot be read, is empty, or others may read it too (E_KEYS).
    """
    with key_errors(path, agency=agency), path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & GROUP_AND_OTHERS:
            raise unusable(path, agency, term("secret_readable"))
        line = file.read(_MOST_SECRET_BYTES).split(b"\n")[0].rstrip(b"\r")
    if not line:
        raise unusable(path, agency, term("secret_empty"))
    return line

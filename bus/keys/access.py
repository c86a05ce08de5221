"""The secrets that unlock private keys: the passphrase of files and the PIN of tokens.

Secrets are read from files that only their owner can read. They are never on a command line or in
the environment, because other processes and crash reports can see those.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from bus.keys.files import GROUP_AND_OTHERS, key_errors, unusable
from schemas.term import term

_MOST_SECRET_BYTES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyAccess:
    """The operator's settings for secrets.

    Attributes:
        passphrase_file: Contains the passphrase of encrypted private keys.
        module: The PKCS #11 module of the tokens, a shared library.
        pin_file: Contains the PIN of the tokens. A key's URI may name another file (`pin-source`).
    """

    passphrase_file: Path | None = None
    module: Path | None = None
    pin_file: Path | None = None

    def passphrase(self, *, agency: str) -> bytes | None:
        """The passphrase; None if there is no setting. Raises `ConfigurationError` E_KEYS."""
        if self.passphrase_file is None:
            return None
        return read_secret(self.passphrase_file, agency=agency)


def read_secret(path: Path, *, agency: str) -> bytes:
    """The first line of a file that only its owner can read. Raises E_KEYS if it is empty."""
    with key_errors(path, agency=agency), path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & GROUP_AND_OTHERS:
            raise unusable(path, agency, term("secret_readable"))
        line = file.read(_MOST_SECRET_BYTES).split(b"\n")[0].rstrip(b"\r")
    if not line:
        raise unusable(path, agency, term("secret_empty"))
    return line

"""The passwords of broker accounts, in one file each that only its owner can read.

    <folder>/<account>.password

Each password is random. The broker keeps a salted digest of it.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from bus.keys.files import key_errors, sync_keys, write_file

_BYTES = 32


@dataclass(frozen=True, slots=True)
class PasswordFolder:
    """A folder of passwords. Every method may raise `ConfigurationError` E_KEYS."""

    folder: Path

    def kept(self, account: str) -> str | None:
        """The password of an account; None if it has none."""
        path = self._path(account)
        with key_errors(path, agency=account):
            return path.read_text(encoding="ascii").strip() if path.exists() else None

    def of(self, account: str) -> str:
        """The password of an account; a new one if it has none."""
        return self.kept(account) or self.renew(account)

    def renew(self, account: str) -> str:
        """Make a new password for an account. The broker must be told before it can be used."""
        path = self._path(account)
        with key_errors(self.folder, agency=account):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        password = secrets.token_urlsafe(_BYTES)
        write_file(path, f"{password}\n".encode("ascii"), agency=account)
        sync_keys(self.folder, agency=account)
        return password

    def _path(self, account: str) -> Path:
        return self.folder / f"{account}.password"

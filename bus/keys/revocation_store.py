"""The files of the key folder about revoked certificates.

<folder>/revoked.json       revocations by operators: `[{"thumbprint": …, "at": …, "reason": …}]`
<folder>/crl/*              CRLs that an operator stored, DER or PEM
<folder>/revocation.json    what all sources have said so far

The oldest entry of `revoked.json` is the first. Entries are never removed, because revocations are
final (RFC 5280, 5).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bus.core.certificate import UnreadableError
from bus.core.keyring import chain_of
from bus.core.revocation.crl import parse_crl
from bus.core.revocation.source import Chain
from bus.core.revocation.source_record import SourceRecords
from bus.core.revocation.statement import Revocation, RevocationReason, strictest
from bus.keys.files import key_errors, read_regular, write_file
from bus.keys.folder import KeyFolder
from schemas.problem import AxisError, ConfigurationError, DocumentError, Place, Problem
from schemas.term import term

LISTS = "the filed lists"
"""The owner of the lists in error messages."""

_AXIS = "the axis"
_MOST_LIST_BYTES = 32 * 1024 * 1024


_REVOCATIONS = TypeAdapter(list[Revocation])


class FolderRevocationStore:
    """The store of one key folder. Every method raises `ConfigurationError` E_KEYS."""

    def __init__(self, folder: Path) -> None:
        self._files = KeyFolder(folder)
        self._lists, self._known = folder / "crl", self._files.told_revoked

    def chains(self) -> Sequence[Chain]:
        """As the port says; `ring` reports the certificates that cannot be read."""
        authorities, found = self._files.authorities(), []
        for filed in self._files.filed():
            with suppress(DocumentError, ConfigurationError):
                found.append(chain_of(filed.pem(), authorities=authorities))
        return tuple(found)

    def filed_lists(self) -> Mapping[str, bytes]:
        """As the port says; a file that is too large or cannot be read is empty."""
        return {path.name: _content(path) for path in self._list_paths()}

    def unreadable_lists(self) -> tuple[Problem, ...]:
        """E_KEYS for each stored list that cannot be read, with its name and the reason."""
        found = []
        for path in self._list_paths():
            try:
                with key_errors(path, agency=LISTS):
                    parse_crl(read_regular(path, most=_MOST_LIST_BYTES))
            except ConfigurationError as error:
                found.append(error.problem)
        return tuple(found)

    def stamp(self) -> int:
        """As the port says."""
        seen: list[object] = [self._files.folders_stamp()]
        for path in self._list_paths():
            with suppress(OSError):
                found = path.stat()
                seen.append((str(path), found.st_mtime_ns, found.st_size))
        return hash(tuple(seen))

    def load(self) -> SourceRecords:
        """As the port says."""
        try:
            return SourceRecords.model_validate_json(self._known.read_bytes())
        except FileNotFoundError:
            return SourceRecords()
        except (OSError, ValidationError) as error:
            cause = term("revocations_unreadable")
            place = Place(file=self._known.name)
            raise AxisError.of("E_KEYS", place=place, agency=_AXIS, cause=cause) from error

    def save(self, records: SourceRecords) -> None:
        """As the port says."""
        data = records.model_dump_json(indent=1).encode()
        write_file(self._known, data, mode=0o644, agency=_AXIS)

    def _list_paths(self) -> list[Path]:
        return sorted(path for path in self._lists.glob("*") if not path.is_dir())


def _content(path: Path) -> bytes:
    """The content; empty if it cannot be read, which `Revocations` reports."""
    try:
        return read_regular(path, most=_MOST_LIST_BYTES)
    except (OSError, UnreadableError):
        return b""


def revocations_here(files: KeyFolder) -> tuple[Revocation, ...]:
    """The revocations by operators, the oldest first. Raises `ConfigurationError` E_KEYS."""
    with key_errors(files.revoked, agency=_AXIS):
        try:
            return tuple(_REVOCATIONS.validate_json(files.revoked.read_bytes()))
        except FileNotFoundError:
            return ()


def revoked_here(files: KeyFolder) -> Mapping[str, Revocation]:
    """The revocations by operators, by thumbprint. Raises `ConfigurationError` E_KEYS."""
    return strictest(revocations_here(files))


def revoke_here(
    files: KeyFolder, thumbprint: str, *, reason: RevocationReason, now: datetime
) -> Revocation:
    """Revoke a certificate from now on, durably. Raises `ConfigurationError` E_KEYS."""
    with files.locked():
        at = now.replace(microsecond=0)
        revocation = Revocation(thumbprint=thumbprint, at=at, reason=reason)
        stated = [*revocations_here(files), revocation]
        data = _REVOCATIONS.dump_json(stated, indent=1, exclude_defaults=True) + b"\n"
        write_file(files.revoked, data, mode=0o644, agency=_AXIS)
    return revocation

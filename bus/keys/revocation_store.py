"""RevocationStore: what is known of revoked certificates, kept beside the certificates.

<folder>/crl/*                lists that an operator filed, DER or PEM
<folder>/revocation.json      what all sources have proven so far
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from bus.core.certificate import UnreadableError
from bus.core.keyring import chain_of
from bus.core.revocation.crl import parse_crl
from bus.core.revocation.knowledge import Knowledge
from bus.core.revocation.source import Chain
from bus.keys.files import doorway, read_regular, replace_file
from bus.keys.folder import KeyFolder
from schemas.problem import AxisError, ConfigurationError, DocumentError, Place, Problem
from schemas.term import term

LISTS = "the filed lists"
"""Whose the lists are, in reasons."""

_AXIS = "the axis"
_MOST_LIST_BYTES = 32 * 1024 * 1024


class FolderRevocationStore:
    """The shelf of one key folder. Every method raises `ConfigurationError` E_KEYS."""

    def __init__(self, folder: Path) -> None:
        self._files = KeyFolder(folder)

    @property
    def _lists(self) -> Path:
        return self._files.root / "crl"

    @property
    def _known(self) -> Path:
        return self._files.told_revoked

    def chains(self) -> Sequence[Chain]:
        """As promised by the port; what is set aside is told elsewhere (`ring`)."""
        authorities, found = self._files.authorities(), []
        for filed in self._files.filed():
            with suppress(DocumentError, ConfigurationError):
                found.append(chain_of(filed.pem(), authorities=authorities))
        return tuple(found)

    def filed_lists(self) -> Mapping[str, bytes]:
        """As promised by the port; a file that is too large, or cannot be read, is empty."""
        return {path.name: _content(path) for path in self._list_paths()}

    def unreadable_lists(self) -> tuple[Problem, ...]:
        """E_KEYS for each filed list that is none, with its name and the reason."""
        found = []
        for path in self._list_paths():
            try:
                with doorway(path, agency=LISTS):
                    parse_crl(read_regular(path, most=_MOST_LIST_BYTES))
            except ConfigurationError as error:
                found.append(error.problem)
        return tuple(found)

    def stamp(self) -> int:
        """As promised by the port."""
        paths = [*self._list_paths(), *(filed.path for filed in self._files.filed())]
        seen = []
        for path in paths:
            with suppress(OSError):
                found = path.stat()
                seen.append((str(path), found.st_mtime_ns, found.st_size))
        return hash(tuple(seen))

    def load(self) -> Knowledge:
        """As promised by the port."""
        try:
            return Knowledge.model_validate_json(self._known.read_bytes())
        except FileNotFoundError:
            return Knowledge()
        except (OSError, ValidationError) as error:
            cause = term("revocations_unreadable")
            place = Place(file=self._known.name)
            raise AxisError.of("E_KEYS", place=place, agency=_AXIS, cause=cause) from error

    def save(self, knowledge: Knowledge) -> None:
        """As promised by the port."""
        with doorway(self._known, agency=_AXIS):
            replace_file(self._known, knowledge.model_dump_json(indent=1).encode(), mode=0o644)

    def _list_paths(self) -> list[Path]:
        return sorted(path for path in self._lists.glob("*") if not path.is_dir())


def _content(path: Path) -> bytes:
    """Nothing, when it cannot be read: a source of its own tells that."""
    try:
        return read_regular(path, most=_MOST_LIST_BYTES)
    except (OSError, UnreadableError):
        return b""

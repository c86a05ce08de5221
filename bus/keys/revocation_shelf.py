"""RevocationShelf: what is known of revoked certificates, kept beside the certificates.

<folder>/crl/*                lists that an operator filed, DER or PEM
<folder>/revocation.json      what all sources have proven so far
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from bus.core.keyring import chain_of
from bus.core.revocation.knowledge import Knowledge
from bus.core.revocation.source import Chain
from bus.keys.files import doorway, replace_file
from bus.keys.folder import KeyFolder
from schemas.problem import AxisError, DocumentError, Place
from schemas.term import term

_AXIS = "the axis"
_MOST_LIST_BYTES = 32 * 1024 * 1024


class FolderRevocationShelf:
    """The shelf of one key folder. Every method raises `ConfigurationError` E_KEYS."""

    def __init__(self, folder: Path) -> None:
        self._files = KeyFolder(folder)

    @property
    def _lists(self) -> Path:
        return self._files.root / "crl"

    @property
    def _known(self) -> Path:
        return self._files.root / "revocation.json"

    def chains(self) -> Sequence[Chain]:
        """As promised by the port; what nobody vouches for is told elsewhere."""
        authorities, found = self._files.authorities(), []
        for filed in self._files.filed():
            with suppress(DocumentError):
                found.append(chain_of(filed.pem(), authorities=authorities))
        return tuple(found)

    def filed_lists(self) -> Mapping[str, bytes]:
        """As promised by the port; a file that is too large is none."""
        with doorway(self._lists, agency=_AXIS):
            return {
                path.name: path.read_bytes() if path.stat().st_size <= _MOST_LIST_BYTES else b""
                for path in self._list_paths()
            }

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
        return sorted(path for path in self._lists.glob("*") if path.is_file())

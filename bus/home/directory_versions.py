"""DirectoryVersions: the versions of a directory that were here, on disk; the oldest are deleted.

<folder>/00000012.json    the revision and the signatures of version 12
<folder>/00000012.gz      its snapshot, compressed
"""

import gzip
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from adapters.durable_files import replace_file
from bus.core.directory import Revision
from schemas.limits import MAX_DIRECTORY_VERSIONS
from schemas.problem import AxisError
from schemas.term import of_os
from schemas.value import Value


class KeptVersion(Value):
    """A version as it is kept.

    Attributes:
        signatures: Of the snapshot.
    """

    revision: Revision
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectoryVersions:
    """The versions of one directory. Nothing is made by asking."""

    folder: Path

    def has(self, version: int) -> bool:
        """Whether a version is kept."""
        return self._entry(version).exists()

    def versions(self) -> tuple[int, ...]:
        """The numbers of the kept versions, the newest first."""
        names = (path.stem for path in self.folder.glob("*.json"))
        return tuple(sorted((int(name) for name in names if name.isdecimal()), reverse=True))

    def entry(self, version: int) -> KeptVersion:
        """The revision and the signatures of a version.

        Raises:
            ConfigurationError: E_DIRECTORY_VERSION; it is not kept, or cannot be read.
        """
        try:
            return KeptVersion.model_validate_json(self._entry(version).read_bytes())
        except (OSError, ValidationError) as error:
            raise AxisError.of("E_DIRECTORY_VERSION", version=version) from error

    def snapshot(self, version: int) -> bytes:
        """The bytes that were signed. Raises as `entry`."""
        try:
            return gzip.decompress(self._snapshot(version).read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise AxisError.of("E_DIRECTORY_VERSION", version=version) from error

    def keep(self, revision: Revision, signatures: Sequence[str], snapshot: bytes) -> None:
        """Keep a version; delete the oldest beyond `MAX_DIRECTORY_VERSIONS`.

        Raises:
            ConfigurationError: E_DIRECTORY_WRITE.
        """
        version = revision.version
        kept = KeptVersion(revision=revision, signatures=tuple(signatures))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The entry comes last: a version without one is not there.
            replace_file(self._snapshot(version), gzip.compress(snapshot, mtime=0))
            replace_file(self._entry(version), kept.to_json())
        except OSError as error:
            raise AxisError.of("E_DIRECTORY_WRITE", file=self.folder, cause=of_os(error)) from error
        for old in self.versions()[MAX_DIRECTORY_VERSIONS:]:
            with suppress(OSError):
                self._entry(old).unlink(missing_ok=True)
                self._snapshot(old).unlink(missing_ok=True)

    def _entry(self, version: int) -> Path:
        return self.folder / f"{version:08d}.json"

    def _snapshot(self, version: int) -> Path:
        return self.folder / f"{version:08d}.gz"

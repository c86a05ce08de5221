"""DirectoryFile: the signed directory on disk.

directory.json        the snapshot: the newest version, written whole
directory.jws         its signature, a detached JWS; then the signatures of the versions before
directory.seen        the number and digest of the newest version that was ever here
directory-versions/   the versions that were here: `directory_versions`
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from adapters.durable_files import replace_file
from bus.core.directory import Author, Revision, revision_of, seed_directory
from bus.core.directory_proof import (
    DirectoryTrust,
    KnownVersion,
    check_progress,
    prove_directory,
    seen,
)
from bus.core.directory_rows import difference
from bus.core.directory_rules import check
from bus.core.signing import sign
from bus.home.directory_versions import DirectoryVersions
from bus.ports import Clock
from schemas.directory import Directory
from schemas.limits import MAX_DIRECTORY_BYTES
from schemas.problem import AxisError, ConfigurationError
from schemas.term import of_os, term

_UNKNOWN = Author()


class DirectoryFile:
    """A signed directory in a JSON file.

    Args:
        path: Of the snapshot.
        trust: Gives the authority that may sign the snapshot.
        trusted: The folder of its certificates; when it changes, the snapshot is proven again.
        clock: Gives the signing time.
        upgraded: Called when an unsigned directory of an earlier program version was signed.
    """

    def __init__(
        self,
        path: Path,
        *,
        trust: Callable[[], DirectoryTrust],
        trusted: Path,
        clock: Clock,
        upgraded: Callable[[Directory], None],
    ) -> None:
        self._path = path
        self._signature_path = path.with_suffix(".jws")
        self._seen_path = path.with_suffix(".seen")
        self._trust = trust
        self._trusted = trusted
        self._clock = clock
        self._upgraded = upgraded
        self._versions = DirectoryVersions(path.with_name(f"{path.stem}-versions"))

    def load(self) -> Directory:
        """Read and prove the snapshot; in a new home, make it from the 95 bodies of the seed.

        Raises:
            ConfigurationError: E_DIRECTORY: the file is not a directory, or cannot be read.
                E_DIRECTORY_MISSING: it was here. E_DIRECTORY_UNSIGNED, E_DIRECTORY_SIGNATURE: no
                authority vouches for it. E_DIRECTORY_ROLLBACK: a newer one was here.
        """
        trust, newest = self._trust(), self._newest()
        try:
            data = self._read()
        except FileNotFoundError:
            if version := newest.version:
                raise AxisError.of("E_DIRECTORY_MISSING", file=self._path, seen=version) from None
            seeded = seed_directory(seed_text())
            self.save(seeded, Author(deed="seed"))
            return seeded
        if not (signatures := self._signatures()):
            return self._signed_first(data, trust, newest)
        try:
            verified = prove_directory(data, signatures, trust=trust, now=self._clock())
        except ConfigurationError:
            # Another process may have replaced snapshot and signature between our two reads.
            data, signatures = self._read(), self._signatures()
            verified = prove_directory(data, signatures, trust=trust, now=self._clock())
        directory = self._parsed(data)
        found = seen(directory, data)
        check_progress(found, newest=newest)
        # A user who may only read the home can load it as well.
        with suppress(ConfigurationError):
            self._keep_found(directory, data, signatures, verified.signed_at)
        with self._writing():
            self._remember(found, newest)
        return directory

    def save(
        self, directory: Directory, made: Author = _UNKNOWN, *, before: Directory | None = None
    ) -> None:
        """Check and sign a version, and replace the snapshot by it, all or nothing.

        Args:
            made: Who made it, for the history.
            before: The version that the history compares it with.

        Raises:
            ConfigurationError: As `directory_rules.check` and `prove_directory`: readers would
                refuse it. E_DIRECTORY_BYTES, E_DIRECTORY_WRITE. E_KEYS: the private key of the
                directory authority is not here. E_DIRECTORY_ROLLBACK: the snapshot is as new.
        """
        data = directory.model_dump_json(exclude_defaults=True, indent=1).encode()
        if len(data) > MAX_DIRECTORY_BYTES:
            raise AxisError.of("E_DIRECTORY_BYTES", size=len(data), limit=MAX_DIRECTORY_BYTES)
        check(self._parsed(data))
        found, newest = seen(directory, data), self._newest()
        check_progress(found, newest=newest)
        with self._writing():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            signature, signed_at = self._sign(data, self._trust())
            changes = difference(before or Directory(), directory)
            revision = revision_of(directory.version, signed_at, made, changes)
            self._versions.keep(revision, [signature], data)
            replace_file(self._path, data)
            self._remember(found, newest)

    def history(self) -> tuple[Revision, ...]:
        """The revisions that are kept, the newest first; those that cannot be read are left out."""
        newest = self._newest_or_none()
        found = []
        for version in self._versions.versions():
            # A version that is newer was left by a process that was stopped while it wrote.
            if newest is None or version <= newest.version:
                with suppress(ConfigurationError):
                    found.append(self._versions.entry(version).revision)
        return tuple(found)

    def version(self, version: int) -> Directory:
        """The content of a kept version, proven and checked.

        Raises:
            ConfigurationError: E_DIRECTORY_VERSION: it is not kept. E_DIRECTORY_SIGNATURE. As
                `directory_rules.check`.
        """
        kept, data = self._versions.entry(version), self._versions.snapshot(version)
        prove_directory(data, kept.signatures, trust=self._trust(), now=self._clock())
        directory = self._parsed(data)
        check(directory)
        return directory

    def restore(self, content: Directory, made: Author, *, before: Directory | None) -> Directory:
        """Sign an older content as the newest version, also when the snapshot cannot be used.

        Args:
            content: As `version` gives it.
            before: The directory as it is; None when `load` refuses it.

        Raises:
            ConfigurationError: As `save`.
        """
        newest = self._newest_or_none()
        if newest is None:
            with self._writing():
                self._seen_path.unlink(missing_ok=True)
        versions = (
            newest.version if newest else 0,
            before.version if before else 0,
            *self._versions.versions()[:1],
        )
        restored = content.model_copy(update={"version": max(versions) + 1})
        self.save(restored, made, before=before)
        return restored

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the directory against changes by other processes.

        Raises:
            ConfigurationError: E_DIRECTORY_WRITE.
        """
        with ExitStack() as stack:
            with self._writing():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context(self._path.with_suffix(".lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AxisError.of("E_DIRECTORY_WRITE", file=self._path, cause=of_os(error)) from error

    def _keep_found(
        self, directory: Directory, data: bytes, signatures: Sequence[str], signed_at: datetime
    ) -> None:
        """Keep a version that was copied here, or was here before versions were kept."""
        if self._versions.has(directory.version):
            return
        before = Directory()
        with suppress(ConfigurationError):
            before = self.version(directory.version - 1)
        revision = revision_of(
            directory.version, signed_at, _UNKNOWN, difference(before, directory)
        )
        self._versions.keep(revision, signatures, data)

    def stamp(self) -> int:
        """A number that changes when the snapshot or the authority that may sign it changes."""
        watched = (self._path, self._signature_path, self._trusted)
        return hash(tuple(map(_changed_at, watched)))

    def _signed_first(self, data: bytes, trust: DirectoryTrust, newest: KnownVersion) -> Directory:
        """Sign the directory of an earlier program version, if no signed one was ever here."""
        if newest.version or trust.key is None:
            raise AxisError.of("E_DIRECTORY_UNSIGNED")
        directory = self._parsed(data)
        with self._writing():
            self._sign(data, trust)
            self._remember(seen(directory, data), newest)
        self._upgraded(directory)
        return directory

    def _read(self) -> bytes:
        with _readable(self._path):
            return self._path.read_bytes()

    def _parsed(self, data: bytes) -> Directory:
        with _readable(self._path):
            return Directory.model_validate_json(data)

    def _sign(self, data: bytes, trust: DirectoryTrust) -> tuple[str, datetime]:
        """Write the new signature before the old ones: meanwhile, the old snapshot is still proven.

        Two old ones are kept, for the process that made the last may have been stopped before it
        wrote its snapshot.
        """
        if trust.key is None:
            cause = term("directory_key_away")
            raise AxisError.of("E_KEYS", agency="the directory authority", cause=cause)
        now = self._clock()
        made = sign(data, key=trust.key(), now=now)
        prove_directory(data, [made], trust=trust, now=now)
        lines = [made, *self._signatures()[:2]]
        replace_file(self._signature_path, "".join(f"{line}\n" for line in lines).encode())
        return made, now

    def _signatures(self) -> list[str]:
        with suppress(FileNotFoundError), _readable(self._signature_path):
            return self._signature_path.read_text(encoding="ascii", errors="replace").split()
        return []

    def _newest(self) -> KnownVersion:
        with suppress(FileNotFoundError), _readable(self._seen_path):
            return KnownVersion.model_validate_json(self._seen_path.read_bytes())
        return KnownVersion()

    def _newest_or_none(self) -> KnownVersion | None:
        """The same; None when the file cannot be read."""
        with suppress(ConfigurationError):
            return self._newest()
        return None

    def _remember(self, found: KnownVersion, newest: KnownVersion) -> None:
        if found.version > newest.version:
            replace_file(self._seen_path, found.to_json())


def seed_text() -> str:
    """The 95 bodies of the launch in March 2019, as CSV."""
    return (files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise E_DIRECTORY when a file cannot be read or understood; the cause never quotes it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise AxisError.of("E_DIRECTORY", file=path, detail=detail) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise AxisError.of("E_DIRECTORY", file=path, detail=detail) from error


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0

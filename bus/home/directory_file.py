"""Snapshot: the signed directory on disk, written whole, and read anew when it has changed.

directory.json    the snapshot
directory.jws     its signature, a detached JWS; then those of snapshots that it replaced
directory.seen    the newest version that was here
directory-versions/   those that were here: `directory_versions`
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from adapters.durable_files import replace_file
from bus.core.directory import seed_directory
from bus.core.directory_history import Made, Revision, revision_of
from bus.core.directory_proof import DirectoryTrust, Seen, check_progress, prove_directory, seen
from bus.core.directory_rows import difference
from bus.core.directory_rules import check
from bus.core.signing import sign
from bus.home.directory_versions import DirectoryVersions, KeptVersion
from bus.ports import Clock
from schemas.directory import Directory
from schemas.limits import MAX_DIRECTORY_BYTES
from schemas.problem import AxisError, ConfigurationError
from schemas.term import of_os, term

_UNKNOWN = Made()


class DirectoryFile:
    """A signed directory in a JSON file.

    Args:
        path: Of the snapshot.
        trust: Who may sign it, as it is now.
        trusted: The folder of their certificates: a change of it may change the verdict.
        clock: Tells the signing time.
        upgraded: Called when the unsigned directory of an earlier version was signed.
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
        self._trust = trust
        self._trusted = trusted
        self._clock = clock
        self._upgraded = upgraded
        self._versions = DirectoryVersions(path.with_name(f"{path.stem}-versions"))

    def load(self) -> Directory:
        """Read and prove the snapshot; the first time it is made from the seed of the 95 bodies.

        Raises:
            ConfigurationError: E_DIRECTORY: the file is not a directory, or cannot be read.
                E_DIRECTORY_MISSING: it was here. E_DIRECTORY_UNSIGNED, E_DIRECTORY_SIGNATURE: it
                must not be believed. E_DIRECTORY_ROLLBACK: a newer one was here.
        """
        trust, newest = self._trust(), self._newest()
        try:
            data = self._read()
        except FileNotFoundError:
            if newest.version:
                version = newest.version
                raise AxisError.of("E_DIRECTORY_MISSING", file=self._path, seen=version) from None
            seeded = seed_directory(seed_text())
            self.save(seeded, Made(deed="seed"))
            return seeded
        if not (signatures := self._signatures()):
            return self._signed_first(data, trust, newest)
        try:
            verified = prove_directory(data, signatures, trust=trust, now=self._clock())
        except ConfigurationError:
            # Somebody may have replaced it twice between our two looks.
            data, signatures = self._read(), self._signatures()
            verified = prove_directory(data, signatures, trust=trust, now=self._clock())
        directory = self._parsed(data)
        found = seen(directory, data)
        check_progress(found, newest=newest)
        # Whoever only reads may not be able to write here.
        with suppress(ConfigurationError):
            self._keep_found(directory, data, signatures, verified.signed_at)
        with self._writing():
            self._remember(found, newest)
        return directory

    def save(
        self, directory: Directory, made: Made = _UNKNOWN, *, before: Directory | None = None
    ) -> None:
        """Sign the snapshot and put it in the place of the one before, all or nothing.

        What is written was read first, by the rules that readers go by.

        Args:
            made: Who makes it, for the history.
            before: What it is compared with there.

        Raises:
            ConfigurationError: As `directory_rules.check` and `prove_directory`: readers would
                refuse it. E_DIRECTORY_BYTES, E_DIRECTORY_WRITE. E_KEYS: the private key of the
                directory authority is not here. E_DIRECTORY_ROLLBACK: it is no newer than what is
                there.
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
            told = difference(before or Directory(), directory)
            self._versions.keep(
                KeptVersion(
                    revision=revision_of(directory.version, signed_at, made, told),
                    signatures=(signature,),
                ),
                data,
            )
            replace_file(self._path, data)
            self._remember(found, newest)

    def history(self) -> tuple[Revision, ...]:
        """The versions that are kept, the newest first; one that cannot be read is left out."""
        newest = self._newest_or_none()
        found = []
        for version in self._versions.versions():
            # One that is newer was about to be written when its writer was stopped.
            if newest is None or version <= newest.version:
                with suppress(ConfigurationError):
                    found.append(self._versions.entry(version).revision)
        return tuple(found)

    def version(self, version: int) -> Directory:
        """The content of a version that was here, proven as `load` does, and consistent.

        Raises:
            ConfigurationError: E_DIRECTORY_VERSION: it is not kept. E_DIRECTORY_SIGNATURE. As
                `directory_rules.check`.
        """
        kept, data = self._versions.entry(version), self._versions.snapshot(version)
        prove_directory(data, kept.signatures, trust=self._trust(), now=self._clock())
        directory = self._parsed(data)
        check(directory)
        return directory

    def restore(self, content: Directory, made: Made, *, before: Directory | None) -> Directory:
        """Sign an older content as the newest version, also where the snapshot is spoiled.

        Args:
            content: As `version` gives it.
            before: The directory as it is; None where it must not be believed.

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
        """Keep others from changing it between our look and our change.

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
        """Keep a version that came from elsewhere, or was here before versions were kept."""
        if self._versions.has(directory.version):
            return
        before = Directory()
        with suppress(ConfigurationError):
            before = self.version(directory.version - 1)
        told = difference(before, directory)
        self._versions.keep(
            KeptVersion(
                revision=revision_of(directory.version, signed_at, Made(), told),
                signatures=tuple(signatures),
            ),
            data,
        )

    def stamp(self) -> int:
        """Changes whenever the snapshot does, or who may sign it."""
        watched = (self._path, self._signature_path, self._trusted)
        return hash(tuple(map(_changed_at, watched)))

    def _signed_first(self, data: bytes, trust: DirectoryTrust, newest: Seen) -> Directory:
        """Sign what an earlier version left unsigned; only where no signed one ever was."""
        if newest.version or trust.key is None:
            raise AxisError.of("E_DIRECTORY_UNSIGNED")
        directory = self._parsed(data)
        with self._writing():
            self._sign(data, trust)
            self._remember(seen(directory, data), newest)
        self._upgraded(directory)
        return directory

    def _read(self) -> bytes:
        """The snapshot's bytes. Raises `FileNotFoundError` as it is."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(self._path, error) from error

    def _parsed(self, data: bytes) -> Directory:
        try:
            return Directory.model_validate_json(data)
        except ValidationError as invalid:
            raise _unreadable(self._path, invalid) from invalid

    def _sign(self, data: bytes, trust: DirectoryTrust) -> tuple[str, datetime]:
        """The new signature goes first, beside the old: either snapshot is proven meanwhile.

        Two old ones, for the last may be of a snapshot whose writer was stopped before it.
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
        try:
            return self._signature_path.read_text(encoding="ascii", errors="replace").split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self._signature_path, error) from error

    def _newest(self) -> Seen:
        try:
            return Seen.model_validate_json(self._seen_path.read_bytes())
        except FileNotFoundError:
            return Seen()
        except (ValidationError, OSError) as error:
            raise _unreadable(self._seen_path, error) from error

    def _newest_or_none(self) -> Seen | None:
        """None where its file is spoiled."""
        try:
            return self._newest()
        except ConfigurationError:
            return None

    def _remember(self, found: Seen, newest: Seen) -> None:
        if found.version > newest.version:
            replace_file(self._seen_path, found.to_json())

    @property
    def _signature_path(self) -> Path:
        return self._path.with_suffix(".jws")

    @property
    def _seen_path(self) -> Path:
        return self._path.with_suffix(".seen")


def seed_text() -> str:
    """The 95 bodies of the launch in March 2019, as CSV."""
    return (files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8")


def _unreadable(path: Path, error: Exception) -> AxisError:
    """The cause never quotes the file."""
    cause = type(error).__name__
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        cause = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    elif isinstance(error, OSError):
        cause = error.strerror or cause
    return AxisError.of("E_DIRECTORY", file=path, detail=cause)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0

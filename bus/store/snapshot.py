"""Snapshot: the signed directory on disk, written whole, and read anew when it has changed.

directory.json    the snapshot
directory.jws     its signature, a detached JWS; then that of the snapshot it replaced
directory.seen    the newest version that was here
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from bus.core.directory import seed_directory
from bus.core.directory_rules import check
from bus.core.directory_seal import DirectoryTrust, Seen, check_progress, prove_directory, seen
from bus.core.signing import sign
from bus.ports import Clock
from schemas.directory import Directory
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term


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
            self.save(seeded)
            return seeded
        if not (signatures := self._signatures()):
            return self._signed_first(data, trust, newest)
        try:
            prove_directory(data, signatures, trust=trust, now=self._clock())
        except ConfigurationError:
            # Somebody may have replaced it twice between our two looks.
            data, signatures = self._read(), self._signatures()
            prove_directory(data, signatures, trust=trust, now=self._clock())
        directory = self._parsed(data)
        found = seen(directory, data)
        check_progress(found, newest=newest)
        self._remember(found, newest)
        return directory

    def save(self, directory: Directory) -> None:
        """Sign the snapshot and put it in the place of the one before, all or nothing.

        What is written was read first, by the rules that readers go by.

        Raises:
            ConfigurationError: As `directory_rules.check`: readers would refuse it. E_KEYS: the
                private key of the directory authority is not here.
                E_DIRECTORY_ROLLBACK: it is no newer than what is there.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        data = directory.model_dump_json(exclude_defaults=True, indent=1).encode()
        check(self._parsed(data))
        found, newest = seen(directory, data), self._newest()
        check_progress(found, newest=newest)
        self._sign(data, self._trust())
        _replace(self._path, data)
        self._remember(found, newest)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from changing it between our look and our change."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def stamp(self) -> int:
        """Changes whenever the snapshot does, or who may sign it."""
        watched = (self._path, self._signature_path, self._trusted)
        return hash(tuple(map(_changed_at, watched)))

    def _signed_first(self, data: bytes, trust: DirectoryTrust, newest: Seen) -> Directory:
        """Sign what an earlier version left unsigned; only where no signed one ever was."""
        if newest.version or trust.key is None:
            raise AxisError.of("E_DIRECTORY_UNSIGNED")
        directory = self._parsed(data)
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

    def _sign(self, data: bytes, trust: DirectoryTrust) -> None:
        """The new signature goes first, beside the old: either snapshot is proven meanwhile."""
        if trust.key is None:
            cause = term("directory_key_away")
            raise AxisError.of("E_KEYS", agency="the directory authority", cause=cause)
        made = sign(data, key=trust.key(), now=self._clock())
        lines = [made, *self._signatures()[:1]]
        _replace(self._signature_path, "".join(f"{line}\n" for line in lines).encode())

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

    def _remember(self, found: Seen, newest: Seen) -> None:
        if found.version > newest.version:
            _replace(self._seen_path, found.to_json())

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


def _replace(path: Path, data: bytes) -> None:
    # Several processes may make the first directory of a home at once: each has its own draft.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise

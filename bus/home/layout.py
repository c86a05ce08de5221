"""Home: where everything of one axis lies on disk, and who has it in use."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from adapters.durable_files import replace_file
from schemas.problem import AxisError
from schemas.term import of_os
from schemas.value import Value

_LOOK_AT_WORKERS_SECONDS = 0.02


class Running(Value):
    """How a running axis is reached. Holds passwords: the file is for its owner only.

    Attributes:
        metrics_url: Where its parent serves `/metrics`, `/healthz` and `/readyz`.
        worker_metrics_urls: Where its workers do, in their order.
    """

    pid: int
    amqp_url: Annotated[str, Field(repr=False)]
    management_url: Annotated[str, Field(repr=False)]
    metrics_url: str | None = None
    worker_metrics_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of a home. Nothing is created by asking."""

    path: Path

    @property
    def agencies(self) -> Path:
        """One folder an agency, as its system sees it."""
        return self.path / "agencies"

    def endpoint_state(self, endpoint: str, mailbox: str) -> Path:
        """What one kind of endpoint remembers of one agency."""
        return self.path / "endpoints" / endpoint / mailbox

    @property
    def attachments(self) -> Path:
        """The attachment store."""
        return self.path / "attachments"

    @property
    def spools(self) -> Path:
        """Where files of documents lie that are to be sealed, a folder a mailbox."""
        return self.path / "spools"

    @property
    def keys(self) -> Path:
        """Certificates and private keys."""
        return self.path / "keys"

    @property
    def accounts(self) -> Path:
        """Passwords and certificates of broker accounts."""
        return self.path / "accounts"

    @property
    def transport(self) -> Path:
        """The authority and certificates of the private broker, and of accounts."""
        return self.path / "tls"

    @property
    def trust_list(self) -> Path:
        """The certificates of the authorities whose signatures in PDFs count."""
        return self.path / "trust-list"

    @property
    def attempts(self) -> Path:
        """What formats have begun and not ended."""
        return self.path / "attempts"

    @property
    def paused(self) -> Path:
        """Which mailboxes wait for their agencies' systems."""
        return self.path / "paused.json"

    @property
    def directory(self) -> Path:
        """The directory snapshot."""
        return self.path / "directory.json"

    @property
    def prometheus_targets(self) -> Path:
        """Whom Prometheus is to ask."""
        return self.path / "prometheus-targets.json"

    @property
    def exists(self) -> bool:
        """Whether an axis, or one agency's worker, was ever set up here."""
        return any(map(os.path.lexists, (self.directory, self.keys, self._lock)))

    def is_in_use(self) -> bool:
        """Whether an axis, or one agency's worker, runs here now."""
        try:
            with self._lock.open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the home for one process; the lock ends with the process, however it ends.

        Raises:
            ConfigurationError: E_HOME_IN_USE names the process that holds it; E_PATH: nothing can
                be written here.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            opened = self._lock.open("a+")
        except OSError as error:
            raise AxisError.of("E_PATH", path=self.path, cause=of_os(error)) from error
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                lock.seek(0)
                pid = lock.read().strip() or "?"
                raise AxisError.of("E_HOME_IN_USE", pid=pid, home=self.path) from held
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Be one of the workers in this home; ends with the process, however it ends."""
        with self._workers_file.open("a") as workers:
            fcntl.flock(workers, fcntl.LOCK_SH)
            workers.write(f"{os.getpid()}\n")
            workers.flush()
            yield

    def await_workers(self, deadline: timedelta) -> None:
        """Wait until no worker of an earlier axis is left. Blocking.

        Workers end by themselves when their axis does, kill -9 included, but not in the same
        moment.

        Raises:
            ConfigurationError: E_HOME_IN_USE names a worker that will not end.
        """
        until = time.monotonic() + deadline.total_seconds()
        with self._workers_file.open("a+") as workers:
            while True:
                try:
                    fcntl.flock(workers, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as held:
                    if time.monotonic() > until:
                        workers.seek(0)
                        pid = next(filter(_is_alive, map(int, workers.read().split())), "?")
                        raise AxisError.of("E_HOME_IN_USE", pid=pid, home=self.path) from held
                    time.sleep(_LOOK_AT_WORKERS_SECONDS)
                else:
                    workers.truncate(0)
                    return

    @contextmanager
    def announced(self, running: Running) -> Iterator[None]:
        """Let other commands find the running broker while this one runs."""
        replace_file(self.running_file, running.to_json(), mode=0o600, synced=False)
        try:
            yield
        finally:
            self.running_file.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """The axis that runs in this home now, if one does."""
        try:
            said = Running.model_validate(json.loads(self.running_file.read_bytes()))
        except FileNotFoundError:
            return None
        return said if _is_alive(said.pid) else None

    @property
    def running_file(self) -> Path:
        """How a running axis is reached; readable by its owner only."""
        return self.path / "running.json"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @property
    def _workers_file(self) -> Path:
        return self.path / "workers"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

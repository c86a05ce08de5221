"""Home: where the files of one axis are, which process uses them, and how it is reached."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from adapters.durable_files import replace_file
from bus.home.slots import await_free_slots
from schemas.problem import AxisError
from schemas.term import of_os
from schemas.value import Value


class Running(Value):
    """How a running axis is reached. The file holds passwords, so only its owner can read it.

    Attributes:
        metrics_url: URL of `/metrics` of the parent, which serves `/healthz` and `/readyz` too.
        worker_metrics_urls: The same of its workers, in their order.
        dead_letters_metrics_url: The same of the process that works on dead letters.
    """

    pid: int
    amqp_url: Annotated[str, Field(repr=False)]
    management_url: Annotated[str, Field(repr=False)]
    metrics_url: str | None = None
    worker_metrics_urls: tuple[str, ...] = ()
    dead_letters_metrics_url: str | None = None

    @property
    def metrics_urls(self) -> tuple[str, ...]:
        """The URLs of all processes of the axis."""
        urls = (self.metrics_url, *self.worker_metrics_urls, self.dead_letters_metrics_url)
        return tuple(url for url in urls if url is not None)


class Home:
    """The layout of a home. Nothing is created by asking.

    Attributes:
        agencies: One folder for each agency, as its system sees it.
        attachments: The attachment store.
        attachment_cache: The files of deliveries in work, and copies of what was fetched.
        spools: Files of documents that are to be sealed, one folder for each mailbox.
        keys: Certificates and private keys.
        accounts: Passwords and certificates of broker accounts.
        transport: The authority and certificates of the private broker, and of accounts.
        trust_list: The certificates of the authorities whose signatures in PDFs count.
        attempts: What formats have begun and not ended.
        paused: Which mailboxes wait for their agencies' systems, one file for each worker.
        slots: The names of the workers of this home (`slots`).
        directory: The directory snapshot.
        prometheus_targets: The processes that Prometheus asks for metrics.
        running_file: How a running axis is reached; only its owner can read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.agencies = path / "agencies"
        self.attachments = path / "attachments"
        self.attachment_cache = path / "attachment-cache"
        self.spools = path / "spools"
        self.keys = path / "keys"
        self.accounts = path / "accounts"
        self.transport = path / "tls"
        self.trust_list = path / "trust-list"
        self.attempts = path / "attempts"
        self.paused = path / "paused"
        self.slots = path / "slots"
        self.directory = path / "directory.json"
        self.prometheus_targets = path / "prometheus-targets.json"
        self.running_file = path / "running.json"
        self._lock = path / "lock"

    def endpoint_state(self, endpoint: str, mailbox: str) -> Path:
        """The folder in which one kind of endpoint keeps its state of one agency."""
        return self.path / "endpoints" / endpoint / mailbox

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
        """Lock the home for this process until the block or the process ends.

        Raises:
            ConfigurationError: E_HOME_IN_USE names the process that has the lock. E_PATH: the home
                cannot be written.
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

    def await_workers(self, deadline: timedelta) -> None:
        """Wait until the workers of an earlier parent have ended. Blocking.

        Workers end by themselves soon after their parent, also when it was killed.

        Raises:
            ConfigurationError: E_HOME_IN_USE names a worker that runs after the deadline.
        """
        pid = await_free_slots(self.slots, deadline)
        if pid is not None:
            raise AxisError.of("E_HOME_IN_USE", pid=pid, home=self.path)

    @contextmanager
    def announced(self, running: Running) -> Iterator[None]:
        """Keep `running_file` until the block ends, so that other commands find the broker."""
        replace_file(self.running_file, running.to_json(), mode=0o600, synced=False)
        try:
            yield
        finally:
            self.running_file.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """The axis that runs in this home now; None: no axis runs."""
        try:
            said = Running.model_validate(json.loads(self.running_file.read_bytes()))
        except FileNotFoundError:
            return None
        return said if _is_alive(said.pid) else None


def write_prometheus_targets(path: Path, *, axis: Sequence[str], broker: str | None) -> None:
    """Write the file of Prometheus's file-based discovery, whole.

    It stays when the axis ends, so that Prometheus shows a process that should run and does not.

    Args:
        axis: URLs of the metrics of the parent and its workers: the job `lienthong`.
        broker: URL of the metrics of the private broker: the job `rabbitmq`. None: the operator
            names the broker to Prometheus.
    """
    jobs = {"lienthong": axis, "rabbitmq": [broker] if broker else []}
    groups = [
        {"targets": [urlsplit(url).netloc for url in urls], "labels": {"job": job}}
        for job, urls in jobs.items()
        if urls
    ]
    # Another user's process reads it; it holds no secret.
    replace_file(path, f"{json.dumps(groups, indent=2)}\n".encode(), synced=False)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process
    return True

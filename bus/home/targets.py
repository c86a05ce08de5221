"""TargetsFile: whom Prometheus is to ask, as its file-based discovery reads it."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from adapters.durable_files import replace_file


class TargetsFile:
    """The file, written at each start and left behind: what should be there and is not shows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, *, axis: Sequence[str], broker: str | None) -> None:
        """Replace it as a whole.

        Args:
            axis: URLs of the parent and its workers: the job `lienthong`.
            broker: URL of a node of our own: the job `rabbitmq`. One that was given is named by
                its operator.
        """
        jobs = {"lienthong": axis, "rabbitmq": [broker] if broker else []}
        groups = [
            {"targets": [urlsplit(url).netloc for url in urls], "labels": {"job": job}}
            for job, urls in jobs.items()
            if urls
        ]
        # Another user's process reads it; it holds no secret.
        replace_file(self._path, f"{json.dumps(groups, indent=2)}\n".encode(), synced=False)

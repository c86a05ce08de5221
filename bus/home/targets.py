"""TargetsFile: whom Prometheus is to ask, as its file-based discovery reads it."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit


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
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(groups, indent=2) + "\n", encoding="utf-8")
        # Another user's process reads it; it holds no secret.
        draft.chmod(0o644)
        draft.replace(self._path)

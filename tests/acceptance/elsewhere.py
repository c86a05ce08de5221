"""An agency's own worker, `lienthong connect`, as on another machine: own home, account and key."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.conftest import AgencyFolder, RunningAxis, eventually, lienthong


@dataclass
class ConnectedAgency:
    """`lienthong connect` for G22, in a home of its own."""

    home: Path
    environment: dict[str, str]

    @property
    def folder(self) -> AgencyFolder:
        """What the agency's system sees."""
        return AgencyFolder(self.home / "agencies" / "G22")

    def said(self) -> str:
        """Everything the process has printed so far."""
        return (self.home / "connect.log").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the worker, until the end of the block."""
        with (self.home / "connect.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "bus.cli",
                    "connect",
                    "--home",
                    self.home,
                    "--agency",
                    "G22",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self.environment,
            )
            try:
                eventually(lambda: "G22 is connected" in self.said() or process.poll() is not None)
                assert process.poll() is None, self.said()
                yield
            finally:
                process.terminate()
                assert process.wait(timeout=60) == 0, self.said()


def laid_out(axis: RunningAxis, home: Path) -> ConnectedAgency:
    """The home that the hub lays out for G22, who alone has its signing key from then on."""
    told = lienthong(
        *("agency", "credentials", "G22", "--to", home, "--move-key", "--home", axis.home)
    )
    assert told.returncode == 0, told.stderr
    name, _, url = (home / "connection.env").read_text().strip().partition("=")
    attachments = str(axis.home / "attachments")  # the shared folder
    return ConnectedAgency(
        home=home,
        environment={
            "PATH": os.environ["PATH"],
            "LIENTHONG_LOG_STYLE": "json",
            "LIENTHONG_ATTACHMENTS": attachments,
            name: url,
        },
    )

"""Packages: programs that some tests need, installed where they are missing.

`python -m tests.support.packages` installs all of them, so that tests which run side by side do
not install anything at the same moment.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.rabbit_bus import installation

PACKAGES = {
    "rabbitmq-server": "rabbitmq-server",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "softhsm2-util": "softhsm2",
    "xmlsec1": "xmlsec1",
}
"""The package of each program."""

_APT = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]


def program(name: str) -> Path:
    """Where a program is; installed by the package manager when that is allowed and needed.

    The test fails, and never skips, when it cannot be had.
    """
    found = _found(name)
    if found is None and os.environ.get("LIENTHONG_MAY_INSTALL") == "yes":
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "--quiet"], env=quiet, check=True, timeout=300)
        subprocess.run([*_APT, PACKAGES[name]], env=quiet, check=True, timeout=300)
        found = _found(name)
    if found is None:
        pytest.fail(f"this test needs {name}: install the package {PACKAGES[name]}")
    return found


def _found(name: str) -> Path | None:
    if name == "rabbitmq-server":
        here = installation()  # not always on the path
        return None if here is None else here.home / "sbin" / name
    found = shutil.which(name)
    return None if found is None else Path(found)


if __name__ == "__main__":
    for each in PACKAGES:
        program(each)

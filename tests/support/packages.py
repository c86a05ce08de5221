"""Packages: programs of other houses that some tests talk to, installed where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_APT = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]


def program(name: str, *, package: str) -> Path:
    """Where a program is; installed by the package manager when that is allowed and needed.

    The test fails, and never skips, when it cannot be had.
    """
    found = shutil.which(name)
    if found is None and os.environ.get("LIENTHONG_MAY_INSTALL") == "yes":
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "--quiet"], env=quiet, check=True, timeout=300)
        subprocess.run([*_APT, package], env=quiet, check=True, timeout=300)
        found = shutil.which(name)
    if found is None:
        pytest.fail(f"this test needs {name}: install the package {package}")
    return Path(found)

"""Strangers: packages of other houses with formats that misbehave, installed into a folder."""

from pathlib import Path

MISBEHAVING_FORMAT = """
import itertools
import json
import os
import re
import signal
import subprocess
import time
from hashlib import sha256
from pathlib import Path

from adapters.formats.canonical_json import CanonicalJsonFormat
from schemas.problem import AxisError, Problem


def misbehave(word):
    if word == "loop":
        while True:
            pass
    if word == "sleep":
        time.sleep(3600)
    if word == "native":
        re.match(r"(a+)+$", "a" * 64 + "b")  # holds the interpreter and never ends
    if word == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "exit":
        os._exit(3)
    if word == "raise":
        return {}["a secret"]
    if word == "memory":
        return [bytes(1 << 28) for _ in range(64)]
    if word == "unpickled":
        raise SystemExit("a secret")
    if word == "leave":
        process = subprocess.Popen(["sleep", "3600"])
        Path(os.environ["LEFT"]).write_text(str(process.pid))
        time.sleep(3600)
    if word == "away":
        raise AxisError.of("E_ENDPOINT_DOWN", agency="H41", detail="a secret")
    if word == "full":
        raise AxisError.of("E_STORE_FULL")
    if word == "unheard":
        raise AxisError(Problem(code="E_OF_ANOTHER_HOUSE"))


class MisbehavingFormat(CanonicalJsonFormat):
    name = "misbehaving"
    suffix = ".mis"

    def recognises(self, head, filename):
        if filename.startswith("recognise-"):
            misbehave(filename.removeprefix("recognise-").partition(".")[0])
        return filename.endswith(self.suffix)

    def read(self, source, *, sink, limits, today):
        head = source.read(32)
        source.seek(0)
        if head.startswith(b"MISBEHAVE "):
            word = head.split()[1].decode()
            misbehave(word)
            begun = [sink.begin()]
            while word == "swell":
                begun[0].write(bytes(1 << 20))
            while word == "open":
                begun.append(sink.begin())
            while word == "reopen":
                begun.append(begun[0].reopen())
            while word == "litter":
                sink.begin().keep()
            if word == "before":
                source.seek(-5)
        return super().read(source, sink=sink, limits=limits, today=today)

    def write(self, message, *, attachments, written_at):
        subject = getattr(message, "subject", None) or ""
        if subject.startswith("MISBEHAVE "):
            word = subject.split()[1]
            misbehave(word)
            if word == "nothing":
                return
            if word == "endless":
                yield from itertools.repeat(b"x" * 65536)
            if word == "silent":
                yield from itertools.repeat(b"")
        yield from super().write(message, attachments=attachments, written_at=written_at)

    def write_checked(self, message, check, *, attachments, written_at):
        return self.write(message, attachments=attachments, written_at=written_at)
"""


def install(folder: Path, *, name: str = "misbehaving", code: str = MISBEHAVING_FORMAT) -> None:
    """Install a package with a format."""
    title = f"{name.capitalize()}Format"
    entry = f"[lienthong.formats]\n{name} = a_{name}_format:{title}\n"
    install_package(folder, name=name, module=f"a_{name}_format", code=code, entry_points=entry)


def install_package(
    folder: Path, *, name: str, code: str, entry_points: str, module: str = ""
) -> None:
    """Install a package of one module as a package manager does, with its entry points."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(entry_points)
    (folder / f"{module or name}.py").write_text(code)

"""Hostile files in an outbox among good ones: each is refused by name, the good ones travel."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.faults.axis import agencies_at, eventually, found_site
from tests.support.builders import PDF, encoded, zipped
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

GOOD = [str(number) for number in range(100, 106)]


def hostile(letter: bytes) -> Mapping[str, tuple[str, bytes]]:
    """What is wrong → the code it must get, and the file."""

    def changed(old: bytes, new: bytes) -> bytes:
        assert old in letter
        return letter.replace(old, new, 1)

    def with_file(attachment: str) -> bytes:
        old = b"</edXML>" if b"</edXML>" in letter else b"</ns0:edXML>"
        return changed(old, f"<AttachmentEncoded>{attachment}</AttachmentEncoded>".encode() + old)

    laughs = b"".join(b'<!ENTITY a%d "%b">' % (n + 1, b"&a%d;" % n * 10) for n in range(20))
    declaration = letter[: letter.index(b"?>") + 2]
    body = letter.removeprefix(declaration)
    wrapped = "application/zip"
    return {
        "laughs": (
            "E_DTD",
            declaration + b'<!DOCTYPE edXML [<!ENTITY a0 "ha">' + laughs + b"]>" + body,
        ),
        "external": (
            "E_DTD",
            declaration + b'<!DOCTYPE edXML [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + body,
        ),
        "nested": ("E_DEPTH", changed(b"</edXML>", b"<a>" * 1_000_000 + b"</edXML>")),
        "tiny": (
            "E_LIMIT",
            with_file("".join(encoded(f"{n}", b"x", content_id=str(n)) for n in range(10_000))),
        ),
        "bomb": (
            "E_ZIP_UNSAFE",
            with_file(encoded("b.pdf", zipped(("b.pdf", bytes(20 << 20))), declared=wrapped)),
        ),
        "slip": (
            "E_ZIP_UNSAFE",
            with_file(encoded("b.pdf", zipped(("../b.pdf", PDF)), declared=wrapped)),
        ),
        "nul": ("E_NOT_WELL_FORMED", changed(b"</edXML>", b"\0</edXML>")),
        "base64": ("E_BASE64", with_file(encoded("b.pdf", "*not base64*"))),
        "wide": ("E_ENCODING", letter.decode().encode("utf-16")),
        "cut": ("E_NOT_WELL_FORMED", letter[: len(letter) // 2]),
        "empty": ("E_EMPTY", b"   "),
    }


async def test_hostile_files_are_refused_with_code_and_place_and_good_ones_travel(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 11."""
    site = await found_site(vhost, tmp_path)
    folders = site.folders
    files = hostile(site.letter("1"))

    async with agencies_at(site) as agencies:
        for at, (name, (_, data)) in enumerate(files.items()):
            folders.drop(SENDER, f"{at:02}-{name}.edxml", data)
            if at < len(GOOD):
                folders.drop(SENDER, f"{at:02}-good.edxml", site.letter(GOOD[at]))
        async with agencies.at_work():
            await eventually(lambda: len(folders.refused(SENDER)) == 2 * len(files))
            await eventually(lambda: len(folders.statuses(SENDER)) == len(GOOD))

    reports = [
        json.loads((folders.folder(SENDER) / "refused" / name).read_bytes())
        for name in folders.refused(SENDER)
        if name.endswith(".error.json")
    ]
    codes = {
        report["file"][3:].removesuffix(".edxml"): report["problems"][0]["code"]
        for report in reports
    }
    assert codes == {name: code for name, (code, _) in files.items()}
    placed = {report["file"][3:] for report in reports if report["problems"][0]["place"]}
    assert placed >= {f"{name}.edxml" for name in files if name != "empty"}
    assert sorted(folders.numbers(RECIPIENT), key=int) == GOOD

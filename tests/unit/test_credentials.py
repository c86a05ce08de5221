"""What the hub lays out for an agency's own worker."""

import os
from pathlib import Path

from bus.bootstrap.credentials import lay_out
from bus.settings import load_settings
from schemas.identifiers import MailboxName
from tests.support.homes import set_up


def test_what_is_set_aside_in_the_key_folder_is_not_handed_out(tmp_path: Path) -> None:
    """A pipe would end it with a traceback, a device would fill the disk."""
    home, there = set_up(tmp_path / "hub"), tmp_path / "agency"
    settings = load_settings(home=home, amqp_url="amqp://somebody:secret@127.0.0.1/")
    passwords = home / "accounts"
    passwords.mkdir(mode=0o700, exist_ok=True)
    (passwords / "agency.H24.password").write_text("a password")
    (passwords / "agency.H24.password").chmod(0o600)
    authorities, filed = home / "keys/authorities", home / "keys/agencies/G01"
    for folder in (authorities, filed):
        folder.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / "pipe.pem")
        (folder / "device.pem").symlink_to("/dev/zero")
        (folder / "half.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB")
        (folder / "folder.pem").mkdir()

    lay_out(settings, MailboxName("H24"), there, broker=None, move_key=False)

    handed_out = {path.name for path in there.rglob("*.pem")}
    assert not handed_out & {"pipe.pem", "device.pem", "half.pem", "folder.pem"}
    assert any((there / "keys/directory").glob("*.pem"))
    assert (there / "connection.env").read_text().startswith("LIENTHONG_AMQP_URL=amqp://agency.H24")

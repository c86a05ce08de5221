"""Trust on a running axis: a real list, a responder that hangs, a directory that is forged."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bus.core.algorithm import Algorithm
from bus.core.keyring import thumbprint_of
from bus.core.message import WireMessage
from bus.core.signing import SigningKey, sign
from bus.core.topology import DOCUMENTS, account_of, routing_key
from bus.core.wire import body_of, envelope_of
from bus.home.layout import Home
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from schemas.document import Organization
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet
from tests.support.agencies import real_now
from tests.support.certificates import Issuer, leaf, pem, root
from tests.support.envelopes import a_document, a_recipient
from tests.support.revoking import A_DAY, AN_HOUR, Entry, Server, a_list, names_sources, serving

LIST_AGENCY, RESPONDER_AGENCY = "G22", "H24"
HANDED_OVER, REFUSED = "delivery_handed_over", "delivery_failed"


@dataclass(kw_only=True)
class Authority:
    """A certificate authority with a list and a responder, and two agencies that it certified."""

    home: Path
    issuer: Issuer
    lists: Server
    responder: Server

    def certify(self, code: str, *sources: x509.ExtensionType) -> None:
        """File a certificate and its private key, as an operator does."""
        key, now = ec.generate_private_key(ec.SECP256R1()), real_now()
        certificate = leaf(
            self.issuer,
            key.public_key(),
            f"LT:VN-{code}",
            starts=now - A_DAY,
            ends=now + 90 * A_DAY,
            extensions=sources,
        )
        folder = self.home / "keys" / "agencies" / code
        folder.mkdir(parents=True)
        secret = folder / "real.key"
        secret.touch(0o600)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / "real.pem").write_bytes(pem(certificate))

    def certificate_of(self, code: str) -> x509.Certificate:
        path = self.home / "keys" / "agencies" / code / "real.pem"
        return x509.load_pem_x509_certificate(path.read_bytes())

    def publish(self, *entries: Entry) -> None:
        """Make the newest list."""
        now = real_now()
        self.lists.files["/a.crl"] = a_list(
            self.issuer, *entries, said_at=now - timedelta(seconds=1), until=now + A_DAY
        )

    def stolen_key(self, code: str) -> SigningKey:
        """What a thief has."""
        secret = (self.home / "keys" / "agencies" / code / "real.key").read_bytes()
        key = load_pem_private_key(secret, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return SigningKey(
            private_key=key,
            thumbprint=thumbprint_of(self.certificate_of(code)),
            algorithm=Algorithm.ES256,
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    home = tmp_path_factory.mktemp("revoking")
    with serving() as lists, serving() as responder:
        issuer = root(starts=real_now() - 2 * A_DAY, ends=real_now() + 365 * A_DAY)
        made = Authority(home=home, issuer=issuer, lists=lists, responder=responder)
        anchors = home / "keys" / "authorities"
        anchors.mkdir(parents=True)
        (anchors / "real.pem").write_bytes(issuer.pem)
        made.certify(LIST_AGENCY, *names_sources(crl=lists.url("/a.crl")))
        made.certify(RESPONDER_AGENCY, *names_sources(responder=responder.url("/ocsp")))
        made.publish()
        responder.mood = "hangs"
        yield made


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[RunningAxis]:
    options = ("--agencies", f"{LIST_AGENCY},{RESPONDER_AGENCY}", "--workers", "1")
    with RunningAxis(authority.home, *options, LIENTHONG_REVOCATION_EVERY="PT0.5S") as axis:
        yield axis


def test_a_responder_that_never_answers_costs_no_document_anything(
    authority: Authority, running: RunningAxis
) -> None:
    eventually(lambda: authority.responder.asked)
    for number in range(20):
        packet = a_packet(sender=RESPONDER_AGENCY, receivers=[LIST_AGENCY], number=f"{number}")
        running.agency(RESPONDER_AGENCY).drop(f"{number}.edxml", packet)

    eventually(lambda: len(running.agency(LIST_AGENCY).inbox()) == 20)

    # The question that hangs was given up by nobody yet: it is not in the documents' way.
    assert running.logged("revocation_source_lost") == []
    assert all(handed["age"] < 15 for handed in running.logged(HANDED_OVER))


def test_a_wrong_directory_is_told_once_and_the_one_before_goes_on_serving(
    running: RunningAxis,
) -> None:
    """Nobody but its authority says who exists; and nobody is stopped by who tries."""
    snapshot = running.home / "directory.json"
    right = snapshot.read_bytes()
    snapshot.write_bytes(right.replace(b'"H24"', b'"X24"'))
    [refused] = eventually(lambda: running.logged("directory_refused"))
    packet = a_packet(sender=RESPONDER_AGENCY, receivers=[LIST_AGENCY], number="800")
    running.agency(RESPONDER_AGENCY).drop("800.edxml", packet)
    eventually(lambda: running.agency(RESPONDER_AGENCY).sent("800.edxml"))
    snapshot.write_bytes(right)
    assert lienthong("agency", "suspend", "H57", "--home", running.home).returncode == 0
    eventually(lambda: running.goes_by(2))

    assert "E_DIRECTORY_SIGNATURE" in refused["problem"]
    assert running.logged("directory_refused") == [refused]


def test_a_revoked_sender_signs_no_more_and_what_its_key_signs_all_the_same_is_refused(
    authority: Authority, running: RunningAxis
) -> None:
    revoked_at = real_now().replace(microsecond=0)
    entry = Entry(
        certificate=authority.certificate_of(LIST_AGENCY),
        at=revoked_at,
        reason=x509.ReasonFlags.superseded,
    )
    authority.publish(entry)
    [told] = eventually(lambda: running.logged("certificate_revoked"))
    [cannot] = eventually(lambda: running.logged("signing_key_changed"))
    assert told["evidence"].startswith(f"crl {authority.lists.url('/a.crl')} (")
    assert (cannot["mailbox"], "revoked" in cannot["problem"]) == (LIST_AGENCY, True)

    packet = a_packet(sender=LIST_AGENCY, receivers=[RESPONDER_AGENCY], number="900")
    running.agency(LIST_AGENCY).drop("900.edxml", packet)
    # A signing key is checked by the newest file, certificates at the next look, at most a second
    # later. By the fourth pause that look has been.
    waits = eventually(lambda: _stalled(running, "KEY_AWAY", times=4))
    assert waits[0]["mailbox"] == LIST_AGENCY
    assert not running.agency(LIST_AGENCY).sent("900.edxml")

    before = _signed_by(authority, number="901", at=revoked_at - AN_HOUR)
    after = _signed_by(authority, number="902", at=revoked_at + timedelta(seconds=1))
    for message in (before, after):
        asyncio.run(_publish(authority.home, message))
    [refused] = eventually(lambda: running.logged(REFUSED))
    assert "E_CERTIFICATE_REVOKED" in refused["problem"]
    assert refused["message_id"] == after.message_id
    eventually(lambda: len(running.agency(RESPONDER_AGENCY).inbox()) == 1)

    [letter] = eventually(partial(_letters, authority.home))
    shown = lienthong("dlq", "show", letter["id"], "--home", authority.home, "--json")
    signature = json.loads(shown.stdout)["signature"]
    assert signature["doubt"]["code"] == "E_CERTIFICATE_REVOKED"
    assert authority.lists.url("/a.crl") in signature["doubt"]["text_en"]


def test_another_process_knows_what_was_revoked_and_asks_nobody(
    authority: Authority, running: RunningAxis
) -> None:
    authority.lists.mood = "hangs"

    shown = lienthong("keys", "show", "--home", authority.home, "--json")

    [row] = [
        row
        for row in json.loads(shown.stdout)
        if row["thumbprint"] == thumbprint_of(authority.certificate_of(LIST_AGENCY))
    ]
    listed = lienthong("keys", "sources", "--home", authority.home, "--json")
    told = {source["source"]: source for source in json.loads(listed.stdout)}
    assert row["revoked_for"] == "superseded"
    assert row["revoked_by"].startswith(f"crl {authority.lists.url('/a.crl')} (")
    assert told[f"crl {authority.lists.url('/a.crl')}"]["revoked"] == 1


def _letters(home: Path) -> list[dict[str, str]]:
    listed = lienthong("dlq", "list", "--home", home, "--json")
    found: list[dict[str, str]] = json.loads(listed.stdout)["letters"]
    return found


def _signed_by(authority: Authority, *, number: str, at: datetime) -> WireMessage:
    envelope = envelope_of(
        a_document(
            from_agency=Organization(organ_id=LIST_AGENCY),
            to_agencies=(Organization(organ_id=RESPONDER_AGENCY),),
            document_id=f"{LIST_AGENCY},2026/03/12,{number}/VB",
            number=number,
        ),
        sender=AgencyCode(LIST_AGENCY),
        sender_mailbox=MailboxName(LIST_AGENCY),
        recipients=(a_recipient(RESPONDER_AGENCY),),
        sent_at=at,
    )
    body = body_of(envelope)
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(
            MailboxName(LIST_AGENCY), MailboxName(RESPONDER_AGENCY), envelope.lane, envelope.kind
        ),
        body=body,
        type=envelope.kind,
        message_id=f"stolen-{number}",
        signature=sign(body, key=authority.stolen_key(LIST_AGENCY), now=at),
        user_id=account_of(MailboxName(LIST_AGENCY)),
        timestamp=real_now(),
    )


async def _publish(home: Path, message: WireMessage) -> None:
    running = Home(home).running()
    assert running is not None
    async with RabbitBroker(running.amqp_url, name="thief", impersonates=True) as broker:
        outcome = await broker.publish(message, deadline=timedelta(seconds=20))
    assert outcome is PublishOutcome.CONFIRMED


def _stalled(running: RunningAxis, code: str, *, times: int) -> list[dict[str, Any]]:
    """The pauses with this code, once there are so many."""
    found = [each for each in running.logged("work_stalled") if code in each["problem"]]
    return found if len(found) >= times else []

"""Sealed documents on the whole path: who sends, who receives, and who runs the hub between."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree  # type: ignore[import-untyped]  # lxml has no types
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from adapters.contract import Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from bus.attachments.folder import FolderAttachments
from bus.cli.dlq.content import content_of
from bus.core.dead_letters.inspection import inspect
from bus.core.dead_letters.letter import DeadLetter, LetterState, OrderId
from bus.core.dead_letters.order import Action, NewOrder
from bus.core.dead_letters.selection import Selection
from bus.core.events import DuplicateAbsorbed, FailureRecorded, SubmissionRefused
from bus.core.routing import Routing
from bus.core.sealing import asks_to_be_sealed
from bus.core.sealing.envelope import unseal
from bus.core.signing import sign, verify
from bus.core.topology import DOCUMENTS, FAILURES
from bus.core.wire import body_of, open_envelope
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.sql import open_dead_letters, open_store
from schemas.codes import EnvelopeKind
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import foreign
from tests.acceptance.packets import a_packet, a_status
from tests.support.agencies import real_now
from tests.support.builders import PDF, encoded, listed, packet, read_packet
from tests.support.certificates import leaf, root
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.key_homes import KeyHomes
from tests.support.seals import code_of
from tests.support.stores import letters_in
from tests.support.two_agencies import TwoAgencies, eventually

SUBJECT = "V/v điều chuyển cán bộ mẫu"
FILE = b"readable bytes of an attachment; " * 20_000
NAME = "danh-sach-mau.txt"
ALL = Selection()


class _Ailing(FolderEndpoint):
    """A system that refuses documents on purpose while it is ill."""

    ill = True

    async def offer(self, parcel: Parcel) -> Offer:
        if self.ill and parcel.kind is ParcelKind.DOCUMENT:
            b"".join(parcel.chunks)
            raise AxisError.of("E_INTERNAL", stage="hand_over", cause=foreign("ill"))
        return await super().offer(parcel)


def _ailing() -> type[_Ailing]:
    """A class of one's own, for its health is shared by all its objects."""
    return type("Ailing", (_Ailing,), {})


class _Sealing(TwoAgencies):
    """Two agencies with private keys of their own; the hub has its folder under `hub`."""

    def __init__(self, root: Path, *, endpoint: type[FolderEndpoint] = FolderEndpoint) -> None:
        super().__init__(root, endpoint=endpoint)
        self.hub = root / "hub"
        self.homes = KeyHomes(root / "keys", [SENDER, RECIPIENT])
        self.parts = replace(
            self.parts,
            attachments=FolderAttachments(self.hub / "attachments", now=real_now()),
            ring=self.homes.ring,
            key_of=self.homes.key_of,
            seals=self.homes.seals_of,
        )

    def always(self) -> None:
        """The directory says that H98 seals what it sends."""
        directory = self.parts.routing.directory
        agencies = tuple(
            agency.model_copy(update={"seals": agency.code == SENDER})
            for agency in directory.agencies
        )
        routing = Routing(directory.model_copy(update={"agencies": agencies}))
        self.parts = replace(self.parts, routing=routing)

    def documents_heard(self) -> list[Envelope]:
        """The documents that went over the broker, proven."""
        return [
            open_envelope(verify(m.body, m.signature, keys=self.parts.ring, now=real_now()))
            for m in self.broker.published
            if m.type == EnvelopeKind.DOCUMENT and m.exchange == "documents"
        ]

    def absorbed(self) -> list[DuplicateAbsorbed]:
        """The documents that came to the recipient again."""
        events = self.of_type(DuplicateAbsorbed)
        return [each for each in events if str(each.mailbox) == str(RECIPIENT)]

    def received(self, name: str) -> bytes:
        """A document as the recipient's system finds it."""
        return (self.folder(RECIPIENT) / "inbox" / "documents" / name).read_bytes()


async def _parked(letters: SqlDeadLetters) -> Sequence[DeadLetter]:
    return await letters.find(Selection(states=(LetterState.PARKED,)), limit=100)


def _signed_packet() -> bytes:
    """A packet to G98 with a header signature, as an agency's system made it."""
    placeholder = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>'
    data = packet(
        ("</edXML:edXMLHeader>", f"{placeholder}</edXML:edXMLHeader>"),
        ("000.00.07.H99", f"000.00.00.{RECIPIENT}"),
        listed("a.pdf"),
        files=encoded("a.pdf", PDF),
    )
    authority, key = root(), rsa.generate_private_key(65537, 2048)
    certificate = leaf(authority, key.public_key())
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    tree = signer.sign(etree.fromstring(data), key=key, cert=[certificate])
    text: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    return text


def _letter(number: str = "1") -> bytes:
    return a_packet(
        sender=SENDER, receivers=[RECIPIENT], number=number, subject=SUBJECT, files={NAME: FILE}
    )


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("a.sealed.edxml", True),
        ("a.SEALED.json", True),
        ("a.edxml", False),
        ("sealed.edxml", False),
        ("a.sealed", False),
    ],
)
def test_a_file_asks_by_its_name(name: str, asks: bool) -> None:
    assert asks_to_be_sealed(name) is asks


async def test_a_file_that_asks_for_it_arrives_sealed_and_is_answered(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))

    [name] = axis.documents(RECIPIENT)
    assert SUBJECT.encode() in axis.received(name)
    message = read_packet(axis.received(name)).message
    assert isinstance(message, Document)
    assert [(a.name, a.sha256) for a in message.attachments] == [(NAME, sha256(FILE).hexdigest())]
    assert [envelope.document for envelope in axis.documents_heard()] == [None]
    assert axis.failures == []


async def test_an_agency_that_seals_seals_everything(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    axis.always()
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))

    [envelope] = axis.documents_heard()
    assert envelope.sealed is not None
    assert len(axis.documents(RECIPIENT)) == 1


async def test_what_nobody_wants_sealed_travels_as_ever(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))

    [envelope] = axis.documents_heard()
    assert envelope.sealed is None
    assert not (tmp_path / "spools").exists()


async def test_nothing_is_sent_unsealed_when_one_recipient_has_no_key(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    axis.homes.withdraw(RECIPIENT)
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.of_type(SubmissionRefused))

    [refused] = axis.of_type(SubmissionRefused)
    assert [problem.code for problem in refused.problems] == ["E_SEAL_RECIPIENT"]
    assert axis.broker.published == []
    assert "a.sealed.edxml" in axis.refused(SENDER)


async def test_an_original_with_a_signature_of_its_own_arrives_byte_for_byte(
    tmp_path: Path,
) -> None:
    """Its exact bytes are kept to be handed over, and they are sealed like any other file."""
    axis, original = _Sealing(tmp_path), _signed_packet()
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", original)
        await eventually(lambda: axis.statuses(SENDER))

    [envelope] = axis.documents_heard()
    handed = [name for name in axis.documents(RECIPIENT) if name.endswith(".edxml")]
    assert [axis.received(name) for name in handed] == [original]
    assert envelope.source is None
    assert envelope.sealed is not None
    assert len(envelope.sealed.files) == 2
    store = axis.parts.attachments
    assert not store.has(sha256(original).hexdigest())


async def test_who_always_seals_is_told_when_a_document_of_its_comes_unsealed(
    tmp_path: Path,
) -> None:
    """Sent before the directory said so, or by somebody who got hold of its signing key."""
    axis = _Sealing(tmp_path)
    async with axis.at_work(only=[SENDER]):
        axis.drop(SENDER, "a.edxml", _letter())
        await eventually(lambda: axis.sent(SENDER))
    axis.always()
    async with axis.running():
        await eventually(lambda: axis.statuses(SENDER))

    assert axis.failed()[0].problem.code == "E_SEAL_REQUIRED"
    assert [name.split("_")[1] for name in axis.statuses(SENDER)] == ["02"]
    assert axis.documents(RECIPIENT) == []


async def test_a_forged_seal_is_parked_as_a_matter_of_security(tmp_path: Path) -> None:
    """Who holds the sender's signing key, but changes what is sealed, gets no further."""
    axis = _Sealing(tmp_path)
    async with axis.at_work(only=[SENDER]):
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.sent(SENDER))
    [sent] = axis.broker.published
    [envelope] = axis.documents_heard()
    body = body_of(envelope.model_copy(update={"content_hash": "0" * 64}))
    signature = sign(body, key=axis.homes.key_of(SENDER), now=real_now())
    forged = replace(sent, body=body, signature=signature, message_id="forged")
    async with axis.running():
        await axis.broker.publish(forged, deadline=timedelta(seconds=1))
        await eventually(lambda: axis.failures and axis.statuses(SENDER))

    assert [(f.problem.code, f.failure_class) for f in axis.failed()] == [
        ("E_SEAL_BROKEN", FailureClass.SECURITY)
    ]
    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_missing_private_key_waits_for_its_operator(tmp_path: Path) -> None:
    axis, letters = _Sealing(tmp_path), letters_in(tmp_path / ".stores", SqlDeadLetters)
    folder = axis.homes.seals_of(RECIPIENT).root / "agencies" / RECIPIENT / "sealing"
    [private] = folder.glob("*.key")
    private.rename(private.with_suffix(".away"))
    async with axis.running(axis.handler(letters)):
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: _parked(letters))
        [letter] = await _parked(letters)
        private.with_suffix(".away").rename(private)
        await letters.place(
            NewOrder(action=Action.REPLAY, selection=ALL, operator="an"),
            order_id=OrderId("1"),
            now=real_now(),
        )
        await eventually(lambda: axis.statuses(SENDER))

    assert letter.problem.code == "E_SEAL_NO_KEY"
    assert letter.failure_class == FailureClass.OURS
    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_status_is_not_sealed_and_says_so(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    status = a_status(sender=SENDER, addressee=RECIPIENT, number="1")
    async with axis.running():
        axis.drop(SENDER, "s.sealed.edxml", status)
        await eventually(lambda: axis.of_type(SubmissionRefused))

    assert axis.of_type(SubmissionRefused)[0].problems[0].code == "E_SEAL_STATUS"
    assert axis.broker.published == []


async def test_a_replayed_sealed_message_is_absorbed(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))
        again = replace(axis.broker.published[0], message_id="again")
        await axis.broker.publish(again, deadline=timedelta(seconds=1))
        await eventually(axis.absorbed)

    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_second_reading_is_the_same_document(tmp_path: Path) -> None:
    """As after a crash between the publish and the word to the agency's system."""
    axis = _Sealing(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))
        axis.drop(SENDER, "b.sealed.edxml", _letter())
        await eventually(axis.absorbed)

    first, second = axis.documents_heard()
    assert first.envelope_id == second.envelope_id
    assert first.sealed != second.sealed
    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_key_is_rotated_while_sealed_documents_are_on_their_way(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    async with axis.at_work(only=[SENDER]):
        axis.drop(SENDER, "a.sealed.edxml", _letter("1"))
        await eventually(lambda: axis.sent(SENDER))
        rotated = axis.homes.rotate(RECIPIENT)
        axis.drop(SENDER, "b.sealed.edxml", _letter("2"))
        await eventually(lambda: len(axis.sent(SENDER)) == 2)
    async with axis.running():
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 2)

    used = [
        envelope.sealed.keys[0].key_id for envelope in axis.documents_heard() if envelope.sealed
    ]
    assert used[0] != rotated
    assert used[1] == rotated
    assert axis.failures == []


async def test_a_dead_letter_shows_what_is_in_sight_and_is_replayed_unchanged(
    tmp_path: Path,
) -> None:
    ailing = _ailing()
    axis, letters = (
        _Sealing(tmp_path, endpoint=ailing),
        letters_in(tmp_path / ".stores", SqlDeadLetters),
    )
    async with axis.running(axis.handler(letters)):
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: _parked(letters))
        [letter] = await _parked(letters)
        message = await letters.message(letter.id)
        seen = inspect(
            replace(message, exchange=DOCUMENTS),
            mailbox=MailboxName(RECIPIENT),
            keys=axis.parts.ring,
            routing=axis.parts.routing,
            now=real_now(),
        )
        ailing.ill = False
        await letters.place(
            NewOrder(action=Action.REPLAY, selection=ALL, operator="an"),
            order_id=OrderId("1"),
            now=real_now(),
        )
        await eventually(lambda: axis.documents(RECIPIENT))

    assert seen.envelope is not None
    assert seen.verified is not None
    assert seen.refusal is None
    shown = dict(content_of(seen.envelope))
    assert shown["sealed"] == "only its recipients can open it"
    assert SUBJECT not in str(shown)
    assert letter.number is None
    assert message.body == axis.broker.published[0].body
    assert SUBJECT.encode() in axis.received(axis.documents(RECIPIENT)[0])


async def test_the_operator_of_the_hub_finds_nothing_to_read(tmp_path: Path) -> None:
    """Every message, file, row and key that the hub ever has, and the secrets of its authority."""
    ailing = _ailing()
    axis = _Sealing(tmp_path, endpoint=ailing)
    (axis.hub / "store").mkdir()
    url = f"sqlite:///{axis.hub / 'store'}"
    async with (
        open_store(f"{url}/lienthong.db") as store,
        open_dead_letters(f"{url}/failures.db") as letters,
    ):
        axis.parts = replace(axis.parts, inbox=store.inbox, records=store.records)
        async with axis.running(axis.handler(letters)):
            axis.drop(SENDER, "a.sealed.edxml", _letter("1"))
            await eventually(lambda: axis.of_type(FailureRecorded))
            ailing.ill = False
            axis.drop(SENDER, "b.sealed.edxml", _letter("2"))
            await eventually(lambda: axis.statuses(SENDER))
    messages = b"\n".join(
        b"\n".join((m.body, m.signature.encode(), repr(m.headers).encode()))
        for m in axis.broker.published
    )
    rest = b"\n".join(path.read_bytes() for path in axis.hub.rglob("*") if path.is_file())
    everything = messages + rest

    # It has looked in the right places: what is told in sight is there.
    assert axis.documents_heard()[0].envelope_id.encode() in messages
    assert axis.documents_heard()[0].envelope_id.encode() in rest
    assert len(list((axis.hub / "attachments").rglob("*/*/*"))) == 2
    assert {m.exchange for m in axis.broker.published} == {"documents", FAILURES}
    for secret in (SUBJECT, NAME, "Nguyễn Văn Mẫu"):
        assert secret.encode() not in everything
        assert secret.encode("utf-16-le") not in everything
        assert repr(secret.encode()).encode()[2:-1] not in everything
    assert FILE[:64] not in everything
    assert sha256(FILE).hexdigest().encode() not in everything
    assert not axis.parts.attachments.has(sha256(FILE).hexdigest())


async def test_the_operator_of_the_hub_opens_nothing_with_any_key_there(tmp_path: Path) -> None:
    axis = _Sealing(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))
    hub = axis.homes.hub
    operator = replace(axis.parts, seals=lambda _: axis.homes.seals_of(SENDER))

    assert sorted(path.name for path in hub.rglob("*.key")) == ["development.key"]
    assert list(hub.rglob("*.secret")) == []
    assert axis.homes.seals_of(SENDER).private(MailboxName(RECIPIENT)) == ()
    axis.parts = operator
    [envelope] = axis.documents_heard()
    verified = verify(
        axis.broker.published[0].body,
        axis.broker.published[0].signature,
        keys=axis.parts.ring,
        now=real_now(),
    )
    mailbox = MailboxName(RECIPIENT)

    def opened() -> object:
        return unseal(
            envelope,
            verified,
            mailbox=mailbox,
            private=axis.sealing_keys(mailbox).private(mailbox),
            keys=axis.parts.ring,
            now=real_now(),
        )

    assert code_of(opened) == "E_SEAL_NO_KEY"


async def test_a_key_that_the_hub_put_in_the_place_of_anothers_is_noticed(tmp_path: Path) -> None:
    """The hub makes a key pair, signs it as best it can, and hands it out as that of G98."""
    axis = _Sealing(tmp_path)
    stranger = KeyHomes(tmp_path / "strange", [SENDER, RECIPIENT])
    own = axis.homes.seals_of(SENDER).root / "agencies" / RECIPIENT / "sealing"
    [genuine] = own.glob("*.json")
    [forged] = (stranger.hub / "agencies" / RECIPIENT / "sealing").glob("*.json")
    genuine.write_bytes(forged.read_bytes())
    async with axis.running():
        axis.drop(SENDER, "a.sealed.edxml", _letter())
        await eventually(lambda: axis.of_type(SubmissionRefused))

    assert axis.of_type(SubmissionRefused)[0].problems[0].code == "E_SEAL_KEY_FORGED"
    assert axis.broker.published == []

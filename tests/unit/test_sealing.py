"""Sealing: what a sealed envelope proves to its recipients, and every way to tamper with one."""

from datetime import timedelta
from hashlib import sha256

import pytest

from bus.core.admission import admit, judge_seal
from bus.core.message import WireMessage
from bus.core.routing import Routing
from bus.core.sealing.content import framed, unframed
from bus.core.sealing.key import GRACE, key_to_seal_to, publish, state
from bus.core.sealing.suite import SealingSuite
from bus.core.sealing.wrapping import disclose, enclose
from bus.core.signing import Verified, sign, verify
from bus.core.topology import account_of
from bus.core.wire import body_of, open_envelope
from schemas.codes import Lane, Priority
from schemas.directory import Agency, Directory
from schemas.document import Attachment
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, MailboxName
from schemas.limits import MAX_TEXT_CHARS
from schemas.problem import AxisError
from schemas.sealing import SealedContent, SealedFile, SignedSealingKey
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document, a_recipient, an_envelope
from tests.support.seals import (
    OTHER,
    STRANGER,
    SUBJECT,
    Seals,
    code_of,
    resealed,
    seal_of,
    with_key,
)

_FILES = (b"", b"a short one", b"x" * 700_000)


@pytest.fixture(scope="module")
def seals() -> Seals:
    return Seals()


# --- what it is for -----------------------------------------------------------------------------


@pytest.mark.parametrize("mailbox", [RECIPIENT, OTHER])
def test_every_recipient_reads_document_and_files(seals: Seals, mailbox: str) -> None:
    envelope = seals.sealed(files=_FILES)
    opened = seals.opened(envelope, mailbox=mailbox)

    assert opened.envelope.document is not None
    assert opened.envelope.document.subject == SUBJECT
    assert [
        seals.file(opened, attachment.sha256) for attachment in opened.envelope.document.attachments
    ] == list(_FILES)


@pytest.mark.parametrize("suite", list(SealingSuite))
def test_either_suite_seals_and_opens(seals: Seals, suite: SealingSuite) -> None:
    pair = seals.pair(RECIPIENT, suite=suite)
    envelope = seals.sealed(to=(RECIPIENT,), keys=[pair.public])

    assert seals.opened(envelope, private=[pair.private]).envelope.document is not None


def test_what_is_in_sight_holds_nothing_of_the_content(seals: Seals) -> None:
    body = body_of(seals.sealed(files=[b"a secret file"]))

    document = a_document()
    hidden = [
        SUBJECT,
        document.document_id,
        document.number and f'"{document.number}"',
        document.signer and document.signer.full_name,
        sha256(b"a secret file").hexdigest(),
        "0.bin",
    ]
    assert [each for each in hidden if each and each.encode() in body] == []


def test_lengths_of_content_are_told_in_steps_of_four_kibibytes(seals: Seals) -> None:
    short, longer = (
        len(seal_of(seals.sealed(a_document(subject="x" * length))).content) for length in (1, 1000)
    )

    assert short == longer


def test_the_bounds_of_content_hold_inside_a_seal(seals: Seals) -> None:
    longest, longer = ("x" * (MAX_TEXT_CHARS + more) for more in (0, 1))
    opened = seals.opened(seals.sealed(a_document(content=longest)))

    assert opened.envelope.document is not None
    assert opened.envelope.document.content == longest
    assert code_of(lambda: seals.sealed(a_document(content=longer))) == "E_LIMIT"


def test_two_readings_of_one_document_have_one_id(seals: Seals) -> None:
    first = seals.sealed()
    again = seals.sealed(content_key=b"k" * 32, sent_at=NOW + timedelta(minutes=5))

    assert first.envelope_id == again.envelope_id
    assert seal_of(first).content != seal_of(again).content


def test_another_content_has_another_id(seals: Seals) -> None:
    first, other = seals.sealed(), seals.sealed(a_document(subject=f"{SUBJECT}."))

    assert first.envelope_id != other.envelope_id


def test_nobody_tests_a_guess_at_the_content_without_the_senders_secret(seals: Seals) -> None:
    document = a_document(subject=SUBJECT)
    guessed = seals.sealed(document, secret=b"another secret, that of a guess.")

    assert guessed.envelope_id != seals.sealed(document).envelope_id
    assert an_envelope(document).envelope_id != seals.sealed(document).envelope_id
    assert an_envelope(document).content_hash != seals.sealed(document).content_hash


# --- tampered with ------------------------------------------------------------------------------


def test_a_flipped_bit_in_the_content_is_refused(seals: Seals) -> None:
    envelope = seals.sealed()

    assert seals.refusal(resealed(envelope, content=_flipped(seal_of(envelope).content))) == (
        "E_SEAL_BROKEN"
    )


def test_a_flipped_bit_in_the_wrapped_key_is_refused(seals: Seals) -> None:
    envelope = seals.sealed()
    wrapped = seal_of(envelope).keys[0].wrapped
    tampered = with_key(envelope, RECIPIENT, wrapped=_flipped(wrapped))

    assert seals.refusal(tampered) == "E_SEAL_BROKEN"


def test_content_that_is_no_base64_is_refused(seals: Seals) -> None:
    assert seals.refusal(resealed(seals.sealed(), content="A")) == "E_SEAL_BROKEN"


@pytest.mark.parametrize(
    "change",
    [
        {"sent_at": NOW + timedelta(seconds=1)},
        {"envelope_id": "0" * 64},
        {"content_hash": "0" * 64},
        {"sender": AgencyCode("H98.01")},
        {"version": "1.2"},
    ],
)
def test_nothing_in_sight_can_be_changed(seals: Seals, change: dict[str, object]) -> None:
    """Not even by who can sign as the sender's mailbox: the seal itself is bound to it."""
    tampered = seals.sealed().model_copy(update=change)

    assert seals.refusal(tampered) == "E_SEAL_BROKEN"


def test_another_lane_is_refused(seals: Seals) -> None:
    assert seals.refusal(resealed(seals.sealed(), lane=Lane.EXPRESS)) == "E_SEAL_BROKEN"


def test_a_lane_that_contradicts_the_content_is_refused(seals: Seals) -> None:
    """A sender who says standard in sight and urgent inside."""
    urgent = a_document(priority=Priority.URGENT)
    envelope = seals.sealed(urgent)

    assert envelope.lane is Lane.EXPRESS
    assert seals.refusal(resealed(envelope, lane=Lane.STANDARD)) == "E_SEAL_BROKEN"


def test_another_list_of_recipients_is_refused(seals: Seals) -> None:
    envelope = seals.sealed()
    fewer = envelope.model_copy(update={"recipients": (a_recipient(RECIPIENT),)})
    renamed = tuple(r.model_copy(update={"named": "X"}) for r in envelope.recipients)

    assert seals.refusal(fewer) == "E_SEAL_BINDING"
    assert seals.refusal(envelope.model_copy(update={"recipients": renamed})) == "E_SEAL_BROKEN"


def test_a_secret_reader_cannot_be_added(seals: Seals) -> None:
    """The sender seals to one more than the list tells its recipients."""
    envelope = seals.sealed(
        keys=[seals.pairs[code].public for code in (RECIPIENT, OTHER, STRANGER)]
    )

    assert seals.refusal(envelope) == "E_SEAL_BINDING"


def test_two_wrapped_keys_for_one_mailbox_are_refused(seals: Seals) -> None:
    twice = seals.sealed(keys=[seals.pairs[c].public for c in (RECIPIENT, RECIPIENT, OTHER)])

    assert seals.refusal(twice) == "E_SEAL_BINDING"


def test_a_file_that_was_exchanged_is_refused(seals: Seals) -> None:
    envelope = seals.sealed(files=_FILES)
    files = (*seal_of(envelope).files[:2], SealedFile(size=1, sha256="0" * 64))

    assert seals.refusal(resealed(envelope, files=files)) == "E_SEAL_BROKEN"


def test_files_in_another_order_are_refused(seals: Seals) -> None:
    envelope = seals.sealed(files=_FILES)

    assert seals.refusal(resealed(envelope, files=seal_of(envelope).files[::-1])) == "E_SEAL_BROKEN"


def test_a_document_whose_files_were_not_sealed_is_refused(seals: Seals) -> None:
    loose = Attachment(name="a.pdf", media_type="application/pdf", size=1, sha256="1" * 64)
    envelope = seals.sealed(a_document(attachments=(loose,)))

    assert seals.refusal(envelope) == "E_SEAL_BINDING"


def test_who_is_addressed_but_not_sealed_to_cannot_open(seals: Seals) -> None:
    """The mailbox that serves a recipient by a newer directory."""
    assert seals.refusal(seals.sealed(to=(OTHER,))) == "E_SEAL_NOT_WRAPPED"


# --- re-wrapped and forwarded -------------------------------------------------------------------


def test_a_recipient_cannot_forward_it_as_its_own(seals: Seals) -> None:
    """G98 opens the seal, and seals what it found to A00 under its own name and signature."""
    inner, signature = _opened_by_recipient(seals)
    forged = _wrapped_by(seals, RECIPIENT, STRANGER, inner, signature)

    assert seals.refusal(forged, mailbox=STRANGER, by=RECIPIENT) == "E_SEAL_SIGNATURE"


def test_a_recipient_cannot_forward_it_as_the_senders(seals: Seals) -> None:
    """With the sender's name in sight the outer signature of G98 already betrays it."""
    inner, signature = _opened_by_recipient(seals)
    forged = _wrapped_by(seals, SENDER, STRANGER, inner, signature)

    assert seals.refusal(forged, mailbox=STRANGER, by=RECIPIENT) == "E_FORGED"


def test_even_the_senders_worker_cannot_readdress_signed_content(seals: Seals) -> None:
    """The outer signature is good, but the content was signed for others."""
    inner, signature = _opened_by_recipient(seals)
    forged = _wrapped_by(seals, SENDER, STRANGER, inner, signature)

    assert seals.refusal(forged, mailbox=STRANGER, by=SENDER) == "E_SEAL_BINDING"


def test_ciphertext_cannot_be_stripped_of_its_outer_signature(seals: Seals) -> None:
    """A00 takes the sealed part and sends it as its own, to the same recipients."""
    stolen = seals.sealed().model_copy(
        update={"sender": STRANGER, "sender_mailbox": MailboxName(STRANGER)}
    )

    assert seals.refusal(stolen, by=STRANGER) == "E_SEAL_BROKEN"


def test_the_signed_content_is_no_envelope(seals: Seals) -> None:
    """G98 publishes the inner bytes under the sender's inner signature, as if never sealed."""
    inner, signature = _opened_by_recipient(seals)

    assert code_of(lambda: _proven(seals, inner, signature)) == "E_SIGNATURE_INVALID"
    prefixed = b"lienthong sealed content 1\n" + inner
    assert code_of(lambda: open_envelope(_proven(seals, prefixed, signature))) == "E_ENVELOPE"


def test_a_signature_of_an_envelope_is_none_of_the_content(seals: Seals) -> None:
    content, _ = _opened_by_recipient(seals)
    signature = sign(content, key=seals.signers.key(SENDER), now=NOW)
    forged = _wrapped_by(seals, SENDER, RECIPIENT, content, signature)

    assert seals.refusal(forged, by=SENDER) == "E_SEAL_SIGNATURE"


def test_content_without_a_signature_is_refused(seals: Seals) -> None:
    inner, _ = _opened_by_recipient(seals)

    assert seals.refusal(_wrapped_by(seals, SENDER, RECIPIENT, inner, "")) == "E_SEAL_SIGNATURE"


def test_an_id_that_does_not_follow_from_the_content_is_refused(seals: Seals) -> None:
    """One id, one content: a sender cannot tell two recipients two things under one id."""
    inner, _ = _opened_by_recipient(seals)
    said = SealedContent.model_validate_json(inner)
    told = said.model_copy(
        update={
            "document": a_document(subject="another"),
            "recipients": (a_recipient(RECIPIENT),),
        }
    ).to_json()
    forged = _wrapped_by(seals, SENDER, RECIPIENT, told, _signed(seals, told))

    assert seals.refusal(forged) == "E_SEAL_BINDING"


def test_what_is_not_filled_up_with_zeros_is_refused(seals: Seals) -> None:
    envelope = seals.sealed(to=(RECIPIENT,))
    open_one = envelope.model_copy(update={"document": a_document(), "sealed": None})
    keys = [seals.pairs[RECIPIENT].public]
    for plain in (b"", b"\0" * 4095, b"\xff" * 4096, framed("s", b"{}") + bytes(4096)):
        odd = enclose(open_one, plain, content_key=b"k" * 32, keys=keys, files=[])

        assert seals.refusal(odd) == "E_SEAL_BROKEN"


# --- downgraded ---------------------------------------------------------------------------------


def test_a_suite_that_is_not_the_keys_is_refused(seals: Seals) -> None:
    tampered = with_key(seals.sealed(), RECIPIENT, suite=SealingSuite.X25519.value)

    assert seals.refusal(tampered) == "E_SEAL_SUITE"


def test_an_unknown_suite_is_refused(seals: Seals) -> None:
    assert seals.refusal(with_key(seals.sealed(), RECIPIENT, suite="none")) == "E_SEAL_SUITE"


def test_a_weaker_key_than_the_published_one_is_refused(seals: Seals) -> None:
    """Somebody kept the hybrid key from the sender."""
    old = seals.pair(RECIPIENT, suite=SealingSuite.X25519)
    envelope = seals.sealed(to=(RECIPIENT,), keys=[old.public])
    own = [old.private, seals.pairs[RECIPIENT].private]

    assert seals.refusal(envelope, private=own) == "E_SEAL_DOWNGRADE"


def test_a_sender_has_a_week_to_hear_of_a_stronger_key(seals: Seals) -> None:
    old = seals.pair(RECIPIENT, suite=SealingSuite.X25519)
    fresh = seals.pair(RECIPIENT, begins=NOW - GRACE + timedelta(seconds=1))
    envelope = seals.sealed(to=(RECIPIENT,), keys=[old.public])

    assert (
        seals.opened(envelope, private=[old.private, fresh.private]).envelope.document is not None
    )


def test_an_unsealed_document_of_who_always_seals_is_refused(seals: Seals) -> None:
    assert code_of(lambda: _admitted(seals, an_envelope(), seals_always=True)) == (
        "E_SEAL_REQUIRED"
    )


def test_a_sealed_document_is_admitted_unopened(seals: Seals) -> None:
    assert _admitted(seals, seals.sealed(), seals_always=True).document is None


# --- keys ---------------------------------------------------------------------------------------


def test_a_swapped_key_is_noticed(seals: Seals) -> None:
    """The axis publishes a key of its own under the name of G98."""
    private = SealingSuite.HYBRID.new_private_bytes()
    statement = state(
        private,
        owner=MailboxName(RECIPIENT),
        suite=SealingSuite.HYBRID,
        not_before=NOW,
        not_after=NOW + timedelta(days=1),
    )
    forged = publish(statement, signing=seals.signers.key(STRANGER), now=NOW)

    assert _choice(seals, forged) == "E_SEAL_KEY_FORGED"


def test_a_key_of_another_mailbox_is_noticed(seals: Seals) -> None:
    assert _choice(seals, seals.pairs[STRANGER].published) == "E_SEAL_KEY_FORGED"


def test_a_statement_that_was_changed_is_noticed(seals: Seals) -> None:
    published = seals.pairs[RECIPIENT].published
    longer = published.model_copy(update={"statement": published.statement.replace("2027", "2037")})

    assert longer != published
    assert _choice(seals, longer) == "E_SEAL_KEY_FORGED"


def test_a_signature_of_a_document_publishes_no_key(seals: Seals) -> None:
    published = seals.pairs[RECIPIENT].published
    signature = sign(published.statement.encode(), key=seals.signers.key(RECIPIENT), now=NOW)

    assert _choice(seals, published.model_copy(update={"signature": signature})) == (
        "E_SEAL_KEY_FORGED"
    )


def test_who_published_nothing_cannot_be_sealed_to(seals: Seals) -> None:
    assert _choice(seals) == "E_SEAL_RECIPIENT"


def test_an_ended_key_is_not_sealed_to(seals: Seals) -> None:
    ended = seals.pair(RECIPIENT, ends=NOW - timedelta(seconds=1))

    assert _choice(seals, ended.published) == "E_SEAL_RECIPIENT"


def test_the_strongest_key_is_chosen_then_the_newest(seals: Seals) -> None:
    old, new = (seals.pair(RECIPIENT, begins=NOW - timedelta(days=d)) for d in (20, 10))
    weak = seals.pair(RECIPIENT, suite=SealingSuite.X25519, begins=NOW - timedelta(days=1))

    assert _choice(seals, old.published, new.published, weak.published) == new.public.key_id


def test_a_forged_key_beside_a_good_one_changes_nothing(seals: Seals) -> None:
    good = seals.pairs[RECIPIENT]

    assert _choice(seals, seals.pairs[STRANGER].published, good.published) == good.public.key_id


def test_what_was_sealed_before_a_rotation_opens_after_it(seals: Seals) -> None:
    in_flight = seals.sealed()
    fresh = seals.pair(RECIPIENT, begins=NOW)
    own = [fresh.private, seals.pairs[RECIPIENT].private]

    assert (
        seals.opened(in_flight, private=own, at=NOW + timedelta(hours=2)).envelope.document
        is not None
    )
    assert _choice(seals, seals.pairs[RECIPIENT].published, fresh.published) == (
        fresh.public.key_id
    )


def test_without_the_private_key_it_waits_for_the_operator(seals: Seals) -> None:
    other = seals.pair(RECIPIENT)

    assert seals.refusal(seals.sealed(), private=[other.private]) == "E_SEAL_NO_KEY"


def test_no_key_shows_itself_in_words(seals: Seals) -> None:
    private = SealingSuite.X25519.new_private_bytes()
    shown = repr(seals.pair(RECIPIENT).private) + repr(seals.opened(seals.sealed(files=[b"a"])))

    assert "key=" not in shown.replace("private_key=", "")
    assert private.hex() not in shown


def test_a_key_signed_by_a_certificate_nobody_knows_is_refused(seals: Seals) -> None:
    stranger = Seals()

    assert _choice(seals, stranger.pairs[RECIPIENT].published) == "E_SEAL_KEY_FORGED"


def _choice(seals: Seals, *published: SignedSealingKey) -> str:
    """Id of the key of G98 that is sealed to, or the code of the refusal."""
    try:
        key = key_to_seal_to(MailboxName(RECIPIENT), published, keys=seals.ring, now=NOW)
    except AxisError as error:
        return error.problem.code
    return key.key_id


def _opened_by_recipient(seals: Seals) -> tuple[bytes, str]:
    """Content and inner signature, as a recipient has them in its hands."""
    envelope = seals.sealed()
    _, plain = disclose(
        envelope,
        seal_of(envelope),
        mailbox=MailboxName(RECIPIENT),
        private=[seals.pairs[RECIPIENT].private],
        signed_at=NOW,
    )
    signature, inner = unframed(plain)
    return inner, signature


def _wrapped_by(seals: Seals, sender: str, to: str, inner: bytes, signature: str) -> Envelope:
    """Any content in a flawless seal to somebody, in the name of `sender`."""
    said = SealedContent.model_validate_json(inner)
    open_one = an_envelope(
        said.document,
        version="1.1",
        envelope_id=said.envelope_id,
        content_hash=seals.sealed().content_hash,
        sender=AgencyCode(sender),
        sender_mailbox=MailboxName(sender),
        recipients=(a_recipient(to),),
        sent_at=said.sent_at,
    )
    return enclose(
        open_one,
        framed(signature, inner),
        content_key=b"k" * 32,
        keys=[seals.pairs[to].public],
        files=[],
    )


def _proven(seals: Seals, body: bytes, signature: str) -> Verified:
    return verify(body, signature, keys=seals.ring, now=NOW)


def _flipped(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _signed(seals: Seals, inner: bytes, *, by: str = SENDER) -> str:
    return sign(b"lienthong sealed content 1\n" + inner, key=seals.signers.key(by), now=NOW)


def _admitted(seals: Seals, envelope: Envelope, *, seals_always: bool) -> Envelope:
    verified = seals.verified(envelope)
    routing = Routing(
        Directory(
            agencies=tuple(
                Agency(
                    code=AgencyCode(code),
                    name_vi=code,
                    connected=True,
                    seals=seals_always and code == SENDER,
                )
                for code in (SENDER, RECIPIENT, OTHER)
            )
        )
    )
    message = WireMessage(
        exchange="documents",
        routing_key="H98.G98.standard.document",
        body=verified.body,
        type="document",
        message_id="1",
        signature="",
        user_id=account_of(MailboxName(SENDER)),
        timestamp=NOW,
    )
    mailbox = MailboxName(RECIPIENT)
    admitted = admit(verified, message, mailbox=mailbox, routing=routing, now=NOW)
    judge_seal(admitted, routing)
    return admitted

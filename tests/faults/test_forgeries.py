"""Forgeries among good documents: each is refused with its own code, and costs nobody else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bus.core.base64url import from_base64url, to_base64url
from bus.core.events import DuplicateAbsorbed, ForgeryRefused
from bus.core.message import WireMessage
from bus.core.signing import sign
from bus.core.topology import HANDLER_ACCOUNT, REDELIVERY, account_of
from bus.ports import PublishOutcome
from schemas.document import Document, Organization
from schemas.envelope import Envelope
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from tests.faults.axis import (
    DEADLINE,
    THIRD,
    Site,
    agencies_at,
    eventually,
    failures_of,
    found_site,
)
from tests.support.agencies import Agencies, real_now
from tests.support.envelopes import RECIPIENT, SENDER, a_document, a_recipient, an_envelope
from tests.support.rabbit_bus import VirtualHost

GOOD = [str(number) for number in range(100, 112)]
OTHER = MailboxName(THIRD)


def numbered(number: str, **changes: object) -> Document:
    return a_document(
        number=number,
        notation="VB",
        document_id=f"{SENDER},2026/03/12,{number}/VB",
        from_agency=Organization(organ_id=SENDER),
        to_agencies=(Organization(organ_id=RECIPIENT),),
        **changes,
    )


def unchecked(site: Site, document: Document) -> WireMessage:
    """What an agency sends whose own software refuses nothing."""
    body = an_envelope(document).to_json()
    template = site.signed(an_envelope(numbered("1")))
    made = sign(body, key=site.key_of(SENDER), now=real_now())
    return replace(template, body=body, signature=made)


def reheaded(message: WireMessage, **changes: object) -> WireMessage:
    """The same signature under a changed protected header."""
    protected, _, made = message.signature.partition("..")
    header = json.loads(from_base64url(protected)) | changes
    return replace(message, signature=f"{to_base64url(json.dumps(header).encode())}..{made}")


def rekeyed(message: WireMessage, at: int, word: str) -> WireMessage:
    words = message.routing_key.split(".")
    words[at] = word
    return replace(message, routing_key=".".join(words))


def signed_by_another(site: Site, envelope: Envelope) -> WireMessage:
    message = site.signed(envelope)
    return replace(message, signature=sign(message.body, key=site.key_of(THIRD), now=real_now()))


def flipped(message: WireMessage) -> WireMessage:
    return replace(message, body=message.body.replace(b"147", b"148").replace(b'"x', b'"y') + b" ")


def unnamed(message: WireMessage) -> WireMessage:
    return replace(message, signature="")


Forger = Callable[[Site, WireMessage], WireMessage]
"""From a good message of the sender to a forged one."""

FORGERIES: Mapping[str, tuple[str, Forger]] = {
    "a byte changed": ("E_SIGNATURE_INVALID", lambda _, m: flipped(m)),
    "signature of another document": (
        "E_SIGNATURE_INVALID",
        lambda site, m: replace(m, signature=site.signed(an_envelope(numbered("9"))).signature),
    ),
    "signing time changed": ("E_SIGNATURE_INVALID", lambda _, m: reheaded(m, iat=1_700_000_000)),
    "no signature": ("E_SIGNATURE_MISSING", lambda _, m: unnamed(m)),
    "algorithm none": ("E_SIGNATURE_ALGORITHM", lambda _, m: reheaded(m, alg="none")),
    "unknown certificate": (
        "E_CERTIFICATE_UNKNOWN",
        lambda _, m: reheaded(m, **{"x5t#S256": "A" * 43}),
    ),
    "certificate of another agency": (
        "E_FORGED",
        lambda site, _: signed_by_another(site, an_envelope(numbered("21"))),
    ),
    "account of another agency": (
        "E_FORGED",
        lambda _, m: replace(m, user_id=account_of(OTHER)),
    ),
    "redelivered by its sender": ("E_FORGED", lambda _, m: replace(m, exchange=REDELIVERY)),
    "sent by the handler": ("E_FORGED", lambda _, m: replace(m, user_id=HANDLER_ACCOUNT)),
    "another kind": ("E_HEADER_CONTRADICTS", lambda _, m: replace(m, type="receipt")),
    "a probe's kind": ("E_HEADER_CONTRADICTS", lambda _, m: replace(m, type="x" * 200)),
    "key of another sender": (
        "E_HEADER_CONTRADICTS",
        lambda _, m: rekeyed(m, 0, THIRD),
    ),
    "key of the fast lane": ("E_HEADER_CONTRADICTS", lambda _, m: rekeyed(m, 2, "express")),
    "key of another kind": ("E_HEADER_CONTRADICTS", lambda _, m: rekeyed(m, 3, "receipt")),
    "published before it was signed": (
        "E_HEADER_CONTRADICTS",
        lambda _, m: replace(m, timestamp=real_now() - timedelta(days=1)),
    ),
    "addressed to another": (
        "E_NOT_ADDRESSED",
        lambda site, m: replace(
            site.signed(
                an_envelope(numbered("22")).model_copy(update={"recipients": (a_recipient(THIRD),)})
            ),
            routing_key=m.routing_key,
        ),
    ),
    "headers that fill a frame": (
        "E_SIGNATURE_MISSING",
        lambda _, m: replace(unnamed(m), headers={"x": "y" * 120_000}, message_id=""),
    ),
    "a signature that fills a frame": (
        "E_SIGNATURE_INVALID",
        lambda _, m: replace(m, signature="A" * 125_000),
    ),
}


async def test_forgeries_are_refused_by_name_and_what_is_between_them_arrives(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 19. The forger has every right on the broker; an agency's account has far less."""
    site = await found_site(vhost, tmp_path, codes=(SENDER, RECIPIENT, THIRD), prefetch=4)
    good = [site.signed(an_envelope(numbered(number))) for number in GOOD]
    forged = {
        which: replace(
            forger(site, site.signed(an_envelope(numbered(str(200 + at))))), message_id=f"f{at}"
        )
        for at, (which, (_, forger)) in enumerate(FORGERIES.items())
    }
    mixed = [*good[:4], *forged.values(), *good[4:]]

    async with (
        agencies_at(site) as agencies,
        failures_of(site) as failures,
        agencies.at_work(),
    ):
        for number, message in enumerate(mixed):
            await publish(agencies, replace(message, message_id=message.message_id or f"g{number}"))
        await eventually(lambda: len(site.folders.documents(RECIPIENT)) == len(good))
        await eventually(lambda: len(failures.messages) == len(forged))
        await eventually(lambda: len(site.folders.statuses(SENDER)) == len(good))

    codes = {each.message.message_id: each.failure.problem.code for each in failures.attempts}
    assert {which: codes.get(message.message_id) for which, message in forged.items()} == {
        which: code for which, (code, _) in FORGERIES.items()
    }
    classes = {each.failure.failure_class for each in failures.attempts}
    assert classes == {FailureClass.SECURITY}
    alarms = agencies.of_type(ForgeryRefused)
    assert sorted(alarm.message_id for alarm in alarms) == sorted(codes)
    assert sorted(site.folders.numbers(RECIPIENT), key=int) == GOOD
    assert site.folders.documents(THIRD) == []


async def test_a_replayed_envelope_is_answered_as_before_and_hands_over_nothing(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 19: whoever puts old signed bytes into a mailbox again changes nothing."""
    site = await found_site(vhost, tmp_path)
    old = site.signed(an_envelope(numbered("1")))

    async with (
        agencies_at(site) as agencies,
        failures_of(site) as failures,
        agencies.at_work(),
    ):
        await publish(agencies, replace(old, message_id="first"))
        await eventually(lambda: site.folders.statuses(SENDER))
        await publish(agencies, replace(old, message_id="again"))
        await publish(agencies, replace(old, message_id="later", timestamp=real_now()))
        await eventually(lambda: absorbed(agencies) == 2)

    assert site.folders.numbers(RECIPIENT) == ["1"]
    assert len(site.folders.statuses(SENDER)) == 1
    assert failures.messages == []


async def test_an_agency_with_a_good_key_and_endless_texts_stops_nobody(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """What it says of itself would fill the frame of a failure: the connection of all would end."""
    site = await found_site(vhost, tmp_path)
    long = "H" * 900_000
    hostile = {
        "id": unchecked(site, numbered("1").model_copy(update={"document_id": long})),
        "field": unchecked(site, numbered("2", raw={long: "x"})),
        "nul": unchecked(site, numbered("3", subject="\0")),
        "version": unchecked(site, numbered("4")),
    }
    body = hostile["version"].body.replace(
        b'"version":"1.0"', b'"version":"9.%b"' % (b"9" * 900_000)
    )
    hostile["version"] = replace(
        hostile["version"],
        body=body,
        signature=sign(body, key=site.key_of(SENDER), now=real_now()),
    )
    good = site.signed(an_envelope(numbered("5")))

    async with (
        agencies_at(site) as agencies,
        failures_of(site) as failures,
        agencies.at_work(),
    ):
        for name, message in hostile.items():
            await publish(agencies, replace(message, message_id=name))
        await publish(agencies, replace(good, message_id="good"))
        await eventually(lambda: len(failures.messages) == len(hostile))
        await eventually(lambda: site.folders.statuses(SENDER))

    codes = {each.message.message_id: each.failure.problem.code for each in failures.attempts}
    assert codes == {
        "id": "E_LIMIT",
        "field": "E_LIMIT",
        "nul": "E_ENVELOPE",
        "version": "E_UNSUPPORTED_VERSION",
    }
    assert site.folders.numbers(RECIPIENT) == ["5"]


async def publish(agencies: Agencies, message: WireMessage) -> None:
    outcome = await agencies.parts.broker.publish(message, deadline=DEADLINE)
    assert outcome is PublishOutcome.CONFIRMED


def absorbed(agencies: Agencies) -> int:
    return sum(
        1 for event in agencies.of_type(DuplicateAbsorbed) if str(event.mailbox) == RECIPIENT
    )

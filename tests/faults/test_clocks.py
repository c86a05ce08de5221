"""Clocks that are wrong and certificates that end: judged is the moment of signing."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.core.algorithm import Algorithm
from bus.core.events import DuplicateAbsorbed
from bus.core.keyring import KeyRing, certify, thumbprint_of
from bus.core.signing import SigningKey, sign
from schemas.identifiers import MailboxName
from tests.faults.axis import agencies_at, eventually, failures_of, found_site
from tests.faults.test_duplicates import publish
from tests.support.agencies import Parts, real_now
from tests.support.certificates import key_for, leaf, pem, root
from tests.support.envelopes import RECIPIENT, SENDER, a_document, an_envelope
from tests.support.rabbit_bus import VirtualHost

WITHIN, BEYOND = timedelta(minutes=9, seconds=30), timedelta(minutes=11)
AN_HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        (WITHIN, timedelta()),
        (timedelta(), -WITHIN),
        (-BEYOND, timedelta()),
        (timedelta(), BEYOND),
    ],
    ids=["sender ahead", "recipient behind", "sender far behind", "recipient far ahead"],
)
async def test_a_clock_that_is_wrong_within_the_tolerance_stops_nothing(
    vhost: VirtualHost, tmp_path: Path, sender: timedelta, recipient: timedelta
) -> None:
    """Bad day 16. A sender far behind cannot be told from a document that waited."""
    site = await found_site(vhost, tmp_path)

    def clock(parts: Parts) -> Parts:
        return replace(parts, clock=lambda: real_now() + recipient)

    async with agencies_at(site, alter=clock) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            await publish(agencies, [site.signed(an_envelope(), at=sender)])
            await eventually(lambda: site.folders.documents(RECIPIENT))

    assert failures.messages == []


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [(BEYOND, timedelta()), (timedelta(), -BEYOND)],
    ids=["sender ahead", "recipient behind"],
)
async def test_a_clock_that_is_wrong_beyond_it_has_a_code_of_its_own(
    vhost: VirtualHost, tmp_path: Path, sender: timedelta, recipient: timedelta
) -> None:
    """Bad day 16: not "signature invalid", for the advice is another one."""
    site = await found_site(vhost, tmp_path)

    def clock(parts: Parts) -> Parts:
        return replace(parts, clock=lambda: real_now() + recipient)

    async with agencies_at(site, alter=clock) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            await publish(agencies, [site.signed(an_envelope(), at=sender)])
            await eventually(lambda: failures.messages)

    [attempt] = failures.attempts
    assert attempt.failure is not None
    assert attempt.failure.problem.code == "E_CLOCK_SKEW"
    assert site.folders.documents(RECIPIENT) == []


async def test_what_was_signed_before_the_certificate_ended_arrives_and_what_after_does_not(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 17: the certificate ended an hour ago; one document waited, one was made since."""
    site, now = await found_site(vhost, tmp_path), real_now()
    anchor = root(starts=now - 900 * AN_HOUR, ends=now + 900 * AN_HOUR)
    private_key = key_for(Algorithm.ES256)
    certificate = leaf(
        anchor, private_key.public_key(), starts=now - 90 * AN_HOUR, ends=now - AN_HOUR
    )
    ended = certify(pem(certificate), authorities=[anchor.certificate], owner=MailboxName(SENDER))
    key = SigningKey(
        private_key=private_key, thumbprint=thumbprint_of(certificate), algorithm=Algorithm.ES256
    )

    def know(parts: Parts) -> Parts:
        return replace(parts, ring=KeyRing([*parts.ring.values(), ended]))

    async with agencies_at(site, alter=know) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            for number, at in (("1", now - 2 * AN_HOUR), ("2", now - AN_HOUR / 2)):
                message = site.signed(an_envelope(a_document(number=number, notation="VB")))
                signature = sign(message.body, key=key, now=at)
                await publish(agencies, [replace(message, signature=signature)])
            await eventually(lambda: failures.messages)
            await eventually(lambda: site.folders.documents(RECIPIENT))

    [attempt] = failures.attempts
    assert attempt.failure is not None
    assert attempt.failure.problem.code == "E_CERTIFICATE_EXPIRED"
    assert site.folders.numbers(RECIPIENT) == ["1"]


async def test_an_old_envelope_that_is_played_again_is_absorbed(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 19: well signed long ago; nothing but the duplicate rule can know it."""
    site = await found_site(vhost, tmp_path)
    message = site.signed(an_envelope(), at=-AN_HOUR / 2)
    async with agencies_at(site) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            await publish(agencies, [message])
            await eventually(lambda: site.folders.documents(RECIPIENT))
            await publish(agencies, [message])
            await eventually(lambda: agencies.of_type(DuplicateAbsorbed))

    assert len(site.folders.documents(RECIPIENT)) == 1
    assert failures.messages == []

"""A stolen account publishes what it likes, wherever it may: nobody else is hurt, and it is told.

The broker lets an agency's account publish to `documents` and to `failures` under its own prefix,
with any property and header. In 3.10 the headers `CC` and `BCC` go past the topic permissions.
"""

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from aiormq.exceptions import AMQPError
from pamqp.commands import Basic

from bus.core.failure import FAILURE_HEADER, ORIGINAL_MESSAGE, ORIGINAL_USER
from bus.core.signing import sign
from bus.core.topology import DOCUMENTS, FAILURES, routing_key
from bus.core.wire import body_of, envelope_of
from bus.keys.ring import load_signing_key
from schemas.codes import EnvelopeKind, Lane
from schemas.document import Organization
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet
from tests.acceptance.stolen import Broker
from tests.support.agencies import real_now
from tests.support.envelopes import a_document, a_recipient

THIEF, VICTIM, SERVED = MailboxName("H24"), MailboxName("G01"), MailboxName("H41")
FLOOD = 205

ODD_VALUES: dict[str, object] = {
    "too large": 2**31,
    "larger": 2**63 - 1,
    "negative": -1,
    "zero": 0,
    "text": "3",
    "float": 1.5e30,
    "decimal": Decimal("1.5"),
    "time": datetime(2026, 1, 1, tzinfo=UTC),
    "list": [1, [2, ["x"]]],
    "table": {"a": {"b": None}},
    "bytes": bytearray(b"\xff\x00"),
    "boolean": True,
    "void": None,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis of its own: what is thrown at it is seen by no other test."""
    home = tmp_path_factory.mktemp("reported")
    with RunningAxis(home, "--agencies", "H24,H41") as running:
        yield running


@pytest.fixture(scope="module")
def broker(hub: RunningAxis, tmp_path_factory: pytest.TempPathFactory) -> Broker:
    """The broker, everything of H24 in the hands of a thief."""
    stolen = tmp_path_factory.mktemp("stolen")
    lienthong("agency", "credentials", "H24", "--to", stolen, "--home", hub.home)
    return Broker(hub, stolen)


async def publish(broker: Broker, *told: dict[str, Any]) -> None:
    """Publish as the thief; what the broker refuses itself, with channel or connection, is left."""
    waiting = deque(told)
    while waiting:
        async with await broker.with_certificate() as connection:
            with suppress(AMQPError):
                channel = await (await connection.channel()).get_underlay_channel()
                while waiting:
                    each = waiting.popleft()
                    properties = {"message_id": uuid4().hex, "delivery_mode": 2}
                    await channel.basic_publish(
                        each["body"],
                        exchange=each["exchange"],
                        routing_key=each["key"],
                        properties=Basic.Properties(**(properties | each["properties"])),
                    )


def a_report(key: str = "H24.security", **changes: Any) -> dict[str, Any]:
    """A report to `failures`, well made save for what is changed."""
    headers = changes.pop("headers", {})
    properties = {"user_id": "agency.H24"} | changes.pop("properties", {})
    told: dict[str, Any] = {
        "problem": {"code": "E_ENDPOINT_DOWN"},
        "stage": "hand_over",
        "failure_class": "recipient_down",
        "mailbox": "H24",
        "fingerprint": "0" * 16,
        "routing_key": "G22.H24.standard.document",
        "attempt": 1,
        "failed_at": real_now().isoformat(),
    }
    told |= changes.pop("told", {})
    body = changes.pop("body", uuid4().bytes)
    return {
        "exchange": FAILURES,
        "key": key,
        "body": body,
        "properties": properties
        | {
            "headers": {
                "attempt": 1,
                "signature": "x..x",
                FAILURE_HEADER: json.dumps(told),
                ORIGINAL_USER: "agency.G22",
                ORIGINAL_MESSAGE: "m",
                **headers,
            }
        },
    }


def the_thiefs_own(
    broker: Broker, headers: dict[str, Any], *, to: MailboxName = SERVED
) -> dict[str, Any]:
    """A document that the thief's agency signs itself, published with other headers."""
    now, number = real_now(), uuid4().hex[:6]
    envelope = envelope_of(
        a_document(number=number, from_agency=Organization(organ_id=THIEF)),
        sender=AgencyCode(THIEF),
        sender_mailbox=THIEF,
        recipients=(a_recipient(SERVED), a_recipient(THIEF)),
        sent_at=now,
    )
    body = body_of(envelope)
    key = load_signing_key(broker.hub.home / "keys", THIEF, now=now)
    return {
        "exchange": DOCUMENTS,
        "key": routing_key(THIEF, to, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        "body": body,
        "properties": {
            "user_id": "agency.H24",
            "message_type": "document",
            "timestamp": now,
            "headers": {"signature": sign(body, key=key, now=now), "attempt": 1} | headers,
        },
    }


def letters(broker: Broker) -> list[dict[str, Any]]:
    told = lienthong("dlq", "list", "--per-page", "1000", "--json", "--home", broker.hub.home)
    found: list[dict[str, Any]] = json.loads(told.stdout)["letters"]
    return found


async def test_hostile_reports_end_nothing_hold_nobody_up_and_frame_nobody(broker: Broker) -> None:
    before = {letter["id"] for letter in letters(broker)}
    times = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", "1e308")
    reports = [a_report(told={"failed_at": moment}) for moment in times]
    reports += [a_report(told={"failed_at": times[0]}) for _ in range(FLOOD)]
    reports += [a_report(told={"routing_key": "G22." + "x" * 300})]
    reports += [a_report(told={"mailbox": "G01", "failure_class": "security"})]
    reports += [a_report(told={"mailbox": "x" * 30_000, "attempt": 2**80, "stage": "?"})]
    reports += [
        a_report(told={"problem": {"code": "E_\x00\ud800" * 999, "params": {"x" * 999: "y"}}})
    ]
    reports += [a_report(told={"problem": {"code": "E_X", "place": {"line": 10**400}}})]
    reports += [a_report(headers={"attempt": value}) for value in ODD_VALUES.values()]
    reports += [a_report(headers={FAILURE_HEADER: value}) for value in ODD_VALUES.values()]
    reports += [a_report(headers={"signature": value}) for value in ODD_VALUES.values()]
    reports += [a_report(headers={"x-death": value}) for value in ODD_VALUES.values()]
    # Here the broker (3.10.8) ends the connection itself.
    reports += [a_report(headers={"attempt": float("nan")})]
    reports += [a_report(headers={"CC": ["G01.security"], "BCC": ["G01.security"]})]
    death = [{"queue": "mailbox.G01.standard", "reason": "delivery_limit", "count": 1}]
    reports += [
        a_report(
            "H24.G01.standard.document",
            headers={"x-death": death, "x-first-death-queue": "mailbox.G01.standard"},
        )
    ]
    reports += [a_report(properties={"user_id": None})]
    reports += [a_report("G01.security"), a_report(headers={"x-death": death})]
    reports += [a_report("H24." + "\u00e0" * 120), a_report(body=b"\xff" * (1 << 21))]

    await publish(broker, *reports)
    began = time.monotonic()
    await publish(broker, the_thiefs_own(broker, {"attempt": 2**31}))
    eventually(lambda: _codes(broker, before) >= {"E_HEADER_FOREIGN"}, within=20)

    assert time.monotonic() - began < 20
    fresh = eventually(lambda: _all_told(broker, before, at_least=FLOOD + 60))
    assert {letter["mailbox"] for letter in fresh} <= {"H24", "H41", "failures"}
    assert not {"G01", "G22"} & {letter["sender"] for letter in fresh}
    assert {letter["state"] for letter in fresh} <= {"parked", "waiting"}
    assert "E_REPORT_INVALID" in {letter["problem"]["code"] for letter in fresh}
    alarms = broker.hub.logged("forgery_refused")
    assert {alarm["account"] for alarm in alarms} <= {"agency.H24", None}
    assert not broker.hub.logged("work_stalled")
    assert broker.hub._process.poll() is None


async def test_garbage_is_never_published_in_anybodys_name(broker: Broker) -> None:
    """Reported as if the system were away, it would be tried again after 30 seconds."""
    eventually(
        lambda: (
            {letter["state"] for letter in letters(broker) if letter["sender"] == ""} == {"parked"}
        ),
        within=80,
    )
    assert await broker.waiting("failures", "mailbox.G01.standard", "mailbox.G22.standard") == 0


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES)
@pytest.mark.parametrize("header", ["attempt", "x-anything"])
async def test_headers_of_other_kinds_are_refused_and_told(
    broker: Broker, header: str, value: object
) -> None:
    if header != "attempt" and isinstance(value, str | int):
        value = [value]
    told = the_thiefs_own(broker, {header: value})
    seen = len(broker.hub.logged("forgery_refused"))

    await publish(broker, told)

    [alarm] = eventually(lambda: broker.hub.logged("forgery_refused")[seen:], within=20)
    assert alarm["problem"].startswith("E_HEADER_FOREIGN")
    assert (alarm["account"], alarm["mailbox"]) == ("agency.H24", "H41")


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_copies_into_anothers_mailbox_are_refused_and_told(
    broker: Broker, header: str
) -> None:
    """3.10 delivers them; where the broker refuses the publish, nothing arrives."""
    seen = len(broker.hub.logged("forgery_refused"))
    aside = routing_key(SERVED, SERVED, Lane.STANDARD, EnvelopeKind.DOCUMENT)

    await publish(broker, the_thiefs_own(broker, {header: [aside]}, to=MailboxName("Z99")))

    eventually(
        lambda: len(broker.hub.logged("forgery_refused")) > seen or "refused" in broker.log(),
        within=20,
    )
    inbox = broker.hub.agency("H41").inbox()
    assert not [path for path in inbox if "H24" in path.name]


def test_the_axis_goes_on(broker: Broker) -> None:
    hub = broker.hub
    hub.agency("H41").drop("1.edxml", a_packet(sender="H41", receivers=["H24"], number="77"))

    eventually(lambda: hub.agency("H24").inbox())

    assert not [line for line in hub.said().splitlines() if "Traceback" in line]
    assert not hub.logged("handler_failed")


def _codes(broker: Broker, before: set[str]) -> set[str]:
    return {each["problem"]["code"] for each in letters(broker) if each["id"] not in before}


def _all_told(broker: Broker, before: set[str], *, at_least: int) -> list[dict[str, Any]]:
    fresh = [each for each in letters(broker) if each["id"] not in before]
    return fresh if len(fresh) >= at_least else []

"""A log line is one event in the past tense that can be followed, and tells no content."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from inspect import get_annotations
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.core.events import (
    DeliveryFailed,
    DeliveryHandedOver,
    DuplicateAbsorbed,
    EndpointPaused,
    EnvelopeSent,
    Event,
)
from bus.core.key_events import RevocationSourceAsked, SigningKeyChanged
from bus.observability.logs import log_event
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem

H24 = MailboxName("H24")
PROBLEM = Problem(code="E_KEYS", params={"agency": "H24", "cause": "gone"})
HANDED_OVER = DeliveryHandedOver(
    mailbox=H24,
    kind=EnvelopeKind.DOCUMENT,
    lane=Lane.STANDARD,
    envelope_id=EnvelopeId("e"),
    delivery_id=DeliveryId("d"),
    sender=AgencyCode("G22"),
    file="f.edxml",
    status=None,
    age=timedelta(seconds=2),
    took=timedelta(seconds=1),
)
ROOT = Path(__file__).parents[2]
CODE = [path for room in ("bus", "adapters", "schemas") for path in (ROOT / room).rglob("*.py")]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
IRREGULAR = {"sent", "lost", "taken", "found", "begun", "written", "made", "built", "held"}


def events_logged() -> Iterator[tuple[str, str]]:
    """Where, and which: the first argument of every call of a method of a level on `_log`."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "_log"
            ):
                [first, *_] = node.args
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                if isinstance(first, ast.Constant):
                    yield where, str(first.value)
                elif path.name != "logs.py":
                    yield from ((where, said) for said in names_handed_on(path))


def names_handed_on(path: Path) -> list[str]:
    """The events that a module hands to its own function which logs them: `_lost("…", …)`."""
    calls = re.findall(r'self\._lost\("(\w+)"', path.read_text(encoding="utf-8"))
    assert calls, f"{path} logs an event whose name is not written there"
    return calls


def is_past(name: str) -> bool:
    words = name.split("_")
    return any(word.endswith("ed") or word in IRREGULAR for word in words)


def test_every_event_of_the_code_is_named_in_the_past_tense() -> None:
    logged = list(events_logged())
    of_services = [(kind.__module__, kind.log_name()) for kind in Event.__subclasses__()]

    assert len(logged) > 5
    wrong = [
        (where, name)
        for where, name in (*logged, *of_services)
        if not (re.fullmatch(r"[a-z]+(_[a-z]+)+", name) and is_past(name))
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", [EnvelopeSent, DeliveryHandedOver, DuplicateAbsorbed])
def test_what_concerns_an_envelope_can_be_followed(kind: type[Event]) -> None:
    names = set(get_annotations(kind))

    assert {"envelope_id", "trace"} <= names


def test_a_failed_delivery_can_be_followed_as_far_as_it_is_known() -> None:
    names = {field.name for field in fields(DeliveryFailed)}

    assert {"envelope_id", "delivery_id", "trace", "message_id"} <= names


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (EndpointPaused(mailbox=H24, problem=PROBLEM), "error"),
        (HANDED_OVER, "info"),
        (replace(HANDED_OVER, warnings=("W_ALIAS",)), "warning"),
        (SigningKeyChanged(mailbox=H24, thumbprint="t"), "info"),
        (SigningKeyChanged(mailbox=H24, thumbprint=None, problem=PROBLEM), "error"),
        (RevocationSourceAsked(source="s", answered=True, answered_at=None), "debug"),
    ],
)
def test_an_event_has_the_level_that_its_class_declares(event: Event, level: str) -> None:
    with capture_logs() as logs:
        log_event(event)

    assert [(line["event"], line["log_level"]) for line in logs] == [(event.log_name(), level)]


def test_nothing_prints_past_the_log() -> None:
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        if not {"cli", "demo"} & set(path.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert printing == []


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_has_its_moment_its_level_and_its_event(as_json: bool) -> None:
    program = (
        "import sys\n"
        "from bus.observability.logs import configure, log_event\n"
        "from bus.core.events import WorkerStarted\n"
        f"configure(as_json={as_json})\n"
        "log_event(WorkerStarted(worker='1/2', pid=7, mailboxes=3))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, cwd=ROOT
    )

    [line] = done.stderr.splitlines()
    if as_json:
        said = json.loads(line)
        assert said.pop("ts").endswith("+07:00")
        assert said == {
            "event": "worker_started",
            "level": "info",
            "worker": "1/2",
            "pid": 7,
            "mailboxes": 3,
        }
    else:
        assert re.search(r"info\s*\] worker_started\s+mailboxes=3 pid=7 worker=1/2", line)

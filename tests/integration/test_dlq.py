"""`lienthong dlq` on a real store with real letters: what operators type, see and bring about."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bus.cli import main
from bus.cli.output import Exit
from bus.core.dead_letters.letter import LetterState
from bus.core.failure import Stage
from bus.home.layout import Home, Running
from schemas.envelope import Recipient
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.conftest import eventually
from tests.support.backlog import DOWN, SUBJECT, Backlog, Mishap

HOUR = timedelta(hours=1)
FORGED = Mishap(code="E_SIGNATURE_INVALID", stage=Stage.VERIFY)
OURS = Mishap(code="E_INTERNAL", stage=Stage.OPEN, mailbox="H41", field="document.subject")
PARKED = replace(DOWN, attempts=7, ago=2 * HOUR)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Operator:
    """Somebody at a terminal of a home."""

    home: Path
    screen: pytest.CaptureFixture[bytes]
    monkeypatch: pytest.MonkeyPatch

    def journal(self) -> Any:
        """What the journal says that operators did, the newest at the end."""
        return self._runs("journal --json").json

    def types(self, command: str, **environment: str) -> Said:
        """Run a command of `dlq` in this process; it ends as it would end in its own."""
        return self._runs(f"dlq {command}", **environment)

    def _runs(self, command: str, **environment: str) -> Said:
        self.screen.readouterr()
        with self.monkeypatch.context() as patched:
            arguments = ["lienthong", *shlex.split(command)]
            patched.setattr(sys, "argv", arguments)
            settings = {"COLUMNS": "120", "LIENTHONG_HOME": str(self.home)}
            for name, value in (settings | environment).items():
                patched.setenv(name, value)
            code = 0
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
        out, err = self.screen.readouterr()
        return Said(code=code, out=out.decode(), err=err.decode())

    def asks(self, command: str) -> Any:
        """The JSON answer of a command that succeeds."""
        said = self.types(f"{command} --json")
        assert said.code == 0, said.err
        return said.json


@pytest.fixture
def backlog(tmp_path: Path) -> Backlog:
    return Backlog(home=tmp_path / "axis")


@pytest.fixture
def operator(
    backlog: Backlog, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    monkeypatch.setenv("LIENTHONG_OPERATOR", "lan")
    return Operator(backlog.home, capfdbinary, monkeypatch)


@contextmanager
def axis_running(home: Path) -> Iterator[None]:
    """An axis that has announced itself: this process."""
    said = Running(pid=os.getpid(), amqp_url="amqp://a/", management_url="http://a/")
    with Home(home).announced(said):
        yield


@contextmanager
def at_a_terminal(home: Path, command: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which can be interrupted.

    Also when these tests run in the background of a shell, which lets its jobs ignore Ctrl-C.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "bus.cli", "dlq", *shlex.split(command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LIENTHONG_HOME": str(home)},
        # No thread of the tests holds a lock that matters.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        try:
            yield process
        finally:
            process.kill()


# --- looking ------------------------------------------------------------------------------------


def test_an_empty_work_list_says_so(operator: Operator) -> None:
    assert "nothing waits for an operator" in operator.types("groups").out
    assert operator.types("list").code == Exit.DONE
    assert operator.asks("groups") == []


def test_groups_tell_cause_number_age_trend_and_what_to_type(
    operator: Operator, backlog: Backlog
) -> None:
    backlog.many(2, PARKED)
    backlog.many(3, replace(DOWN, ago=timedelta(minutes=5)))

    said = operator.types("groups")
    (group,) = operator.asks("groups")

    for words in (
        "5 dead letters, 1 cause",
        "E_ENDPOINT_DOWN",
        "hand_over",
        "3 waiting, 2 parked ↑",
        "for H24 Ủy ban nhân dân thành phố Hải Phòng",
        "oldest 2 h, newest 5 min",
        "The system of H24 cannot receive documents now: connection refused.",
        f"$ lienthong dlq replay --group {group['group'][:8]}",
        "hãy phát lại",
    ):
        assert words in said.out
    assert (group["letters"], group["states"]) == (5, {"waiting": 3, "parked": 2})
    assert (group["last_hour"], group["hour_before"], group["trend"]) == (3, 0, "↑")


def test_the_first_command_of_a_group_is_understood(operator: Operator, backlog: Backlog) -> None:
    backlog.many(2, OURS)
    backlog.fails(mishap=FORGED)

    commands = [group["commands"][0] for group in operator.asks("groups")]

    for command in commands:
        assert operator.types(command.removeprefix("lienthong dlq ")).code != Exit.MISUSED


def test_a_home_that_was_typed_is_typed_again(operator: Operator, backlog: Backlog) -> None:
    backlog.fails()

    said = operator.types(f"groups --home '{backlog.home}'", LIENTHONG_HOME="elsewhere")

    assert re.search(rf"\$ lienthong dlq replay --group \w+ --home {backlog.home}", said.out)


def test_lists_and_groups_never_tell_what_is_in_a_letter(
    operator: Operator, backlog: Backlog
) -> None:
    backlog.fails()

    told = [operator.types(verb).out for verb in ("groups", "list", "groups --json", "list --json")]

    assert all(SUBJECT not in each and "Nguyễn Văn Mẫu" not in each for each in told)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ("", {"1", "2", "3"}),
        ("--agency H41", {"2"}),
        ("--agency 000.00.00.H41", {"2"}),
        ("--sender G22", {"1", "3"}),
        ("--class security", {"3"}),
        ("--code E_INTERNAL", {"2"}),
        ("--number 3/UBND-VP", {"3"}),
        ("--since 90min", {"2", "3"}),
        ("--until 90min", {"1"}),
        ("--state parked", {"2", "3"}),
        ("--state parked --state waiting --agency H24", {"1", "3"}),
        ("--returned", set()),
        ("--state discarded", set()),
    ],
)
def test_a_list_is_filtered(
    operator: Operator, backlog: Backlog, filters: str, numbers: set[str]
) -> None:
    backlog.fails(backlog.delivery("1"), replace(DOWN, ago=2 * HOUR))
    backlog.fails(backlog.delivery("2", sender="H24", to="H41"), OURS)
    backlog.fails(backlog.delivery("3"), FORGED)

    found = operator.asks(f"list {filters}")

    assert {each["number"].partition("/")[0] for each in found["letters"]} == numbers
    assert found["total"] == len(numbers)


def test_a_group_is_meant_by_its_first_digits(operator: Operator, backlog: Backlog) -> None:
    letter = backlog.fails(mishap=OURS)
    backlog.fails()

    found = operator.asks(f"list --group {letter.fingerprint[:6]}")
    unknown = operator.types("list --group 123456789")

    assert [each["id"] for each in found["letters"]] == [letter.id]
    assert (unknown.code, "E_GROUP_UNKNOWN" in unknown.err) == (Exit.MISUSED, True)


def test_a_list_has_pages_and_an_order(operator: Operator, backlog: Backlog) -> None:
    old = backlog.fails(backlog.delivery("1"), replace(DOWN, ago=HOUR, attempts=2))
    new = backlog.fails(backlog.delivery("2"))

    first = operator.asks("list --per-page 1")
    second = operator.types("list --per-page 1 --page 2")
    oldest = operator.asks("list --sort oldest")
    most = operator.asks("list --sort attempts --per-page 1")

    assert [each["id"] for each in first["letters"]] == [new.id]
    assert old.id[:8] in second.out
    assert "2 to 2 of 2" in second.out
    assert [each["id"] for each in oldest["letters"]] == [old.id, new.id]
    assert most["letters"][0]["id"] == old.id


@pytest.mark.parametrize("columns", ["80", "120"])
def test_tables_fit_the_terminal(operator: Operator, backlog: Backlog, columns: str) -> None:
    backlog.fails(mishap=replace(OURS, code="E_CERTIFICATE_UNTRUSTED"))
    backlog.fails(backlog.delivery("1234567890", sender="H41"), replace(DOWN, attempts=12))

    shown = operator.types("list", COLUMNS=columns).out

    assert max(map(len, shown.splitlines())) <= int(columns)
    assert re.search(r"\d\d/\d\d/\d{4} \d\d:\d\d\b", shown)


def test_show_tells_everything_about_a_letter(operator: Operator, backlog: Backlog) -> None:
    letter = backlog.fails(mishap=PARKED)

    said = operator.types(f"show {letter.id[:6]}")

    for words in (
        letter.id,
        "parked",
        "7 failed attempts",
        "E_ENDPOINT_DOWN at stage hand_over",
        "Repair the agency's system",
        "Khắc phục hệ thống",
        "✔ good: signed by G22 at",
        "as signed",
        SUBJECT,
        "12/03/2026",
        "-ubnd.pdf, 9 B",
        "0716f9264c9fe19f5d7455276107f3ddcc1d3497f63d60689a73558ae8a1bf5e",
        "failed: E_ENDPOINT_DOWN",
        f"$ lienthong dlq replay {letter.id[:8]}",
    ):
        assert words in said.out


def test_show_marks_what_nothing_proves(operator: Operator, backlog: Backlog) -> None:
    delivery = backlog.delivery()
    changed = replace(delivery, body=delivery.body.replace(b'"147"', b'"148"'))
    letter = backlog.fails(changed, FORGED)

    said = operator.types(f"show {letter.id}")
    told = operator.asks(f"show {letter.id}")

    assert "✘ not to be trusted" in said.out
    assert "a claim: nothing proves it" in said.out
    assert "Chữ ký không khớp" in said.out
    assert "dlq replay" not in said.out
    assert (told["proven"], told["signature"]["doubt"]["code"]) == (False, "E_SIGNATURE_INVALID")


def test_show_lays_what_arrived_before_beside_what_arrived_now(
    operator: Operator, backlog: Backlog
) -> None:
    before = {"subject": "V/v bản đầu", "at": "2026-03-12T09:15:00+07:00", "sha256": "a" * 64}
    params = {"document_id": "147", "cause": "arrived_before"}
    told = params | {f"cause.{name}": value for name, value in before.items()}
    letter = backlog.fails(
        backlog.delivery("147"),
        Mishap(code="E_CONFLICT", stage=Stage.CLAIM, params=tuple(told.items())),
    )

    said = operator.types(f"show {letter.id}")
    found = operator.asks(f"show {letter.id}")

    assert "What arrived before, and what arrived now" in said.out
    assert "V/v bản đầu" in said.out
    assert found["conflict"]["before"] == {
        "at": before["at"],
        "subject": before["subject"],
        "envelope": before["sha256"],
    }
    assert found["conflict"]["now"]["subject"] == SUBJECT
    assert found["conflict"]["now"]["envelope"] == letter.envelope_id


def test_show_survives_keys_that_cannot_be_read(operator: Operator, backlog: Backlog) -> None:
    letter = backlog.fails()
    for certificate in Home(backlog.home).keys.glob("authorities/*.pem"):
        certificate.write_text("broken")

    said = operator.types(f"show {letter.id}")

    assert said.code == Exit.DONE
    assert "E_KEYS" in said.out


def test_a_forgery_cannot_drive_the_terminal(operator: Operator, backlog: Backlog) -> None:
    hostile = backlog.delivery("1\x1b[2J", subject="\x1b]0;owned\x07 \u202eabc")
    letter = backlog.fails(hostile, replace(OURS, code="E_\x1b[7m", field="\x1b[31m"))

    shown = "".join(operator.types(verb).out for verb in ("groups", "list", f"show {letter.id}"))

    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_raw_bytes_come_alone(operator: Operator, backlog: Backlog) -> None:
    delivery = backlog.delivery()
    letter = backlog.fails(delivery)

    body = operator.types(f"show {letter.id} --raw")
    signature = operator.types(f"show {letter.id} --raw-signature")

    assert body.out.encode() == delivery.body
    assert signature.out == f"{delivery.signature}\n"


def test_an_unknown_letter_is_told_in_one_sentence(operator: Operator) -> None:
    said = operator.types("show 0123")

    assert said.code == Exit.MISUSED
    assert said.err.startswith("E_LETTER_UNKNOWN")


# --- replay -------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    operator: Operator, backlog: Backlog
) -> None:
    backlog.many(3, PARKED)
    backlog.fails(mishap=OURS)

    said = operator.types("replay --all --dry-run")
    limited = operator.asks("replay --all --dry-run --limit 2")

    assert "replay of 4 dead letters" in said.out
    assert "$ lienthong dlq replay --all\n" in said.out
    assert {(each["agency"], each["letters"]) for each in limited["causes"]} == {("H24", 2)}
    assert (limited["found"], limited["letters"]) == (4, 2)
    assert operator.asks("orders") == []


def test_a_replay_is_followed_until_the_axis_has_carried_it_out(
    operator: Operator, backlog: Backlog
) -> None:
    letter = backlog.fails(mishap=PARKED)

    with (
        axis_running(backlog.home),
        at_a_terminal(backlog.home, f"replay {letter.id[:8]} --rate 5") as terminal,
    ):
        (order,) = eventually(lambda: operator.asks("orders --state running"))
        backlog.carry_out(order["id"])
        out, err = terminal.communicate()

    assert terminal.returncode == Exit.DONE, err
    assert f"✔ 1 dead letter redelivered, order {order['id']}" in out
    assert (order["operator"], order["rate"], order["total"]) == ("lan", 5.0, 1)
    assert backlog.letter(letter.id).state is LetterState.REDELIVERED


def test_ctrl_c_ends_the_watching_and_not_the_order(operator: Operator, backlog: Backlog) -> None:
    letter = backlog.fails(mishap=PARKED)

    with (
        axis_running(backlog.home),
        at_a_terminal(backlog.home, f"replay {letter.id}") as terminal,
    ):
        (order,) = eventually(lambda: operator.asks("orders --state running"))
        terminal.send_signal(signal.SIGINT)
        _, err = terminal.communicate()

    assert terminal.returncode == Exit.WAITING, err
    assert f"$ lienthong dlq follow {order['id']}" in err
    assert f"$ lienthong dlq cancel {order['id']}" in err
    assert operator.asks("orders")[0]["state"] == "running"


def test_without_an_axis_the_order_waits_for_it(operator: Operator, backlog: Backlog) -> None:
    backlog.many(2, PARKED)

    said = operator.types("replay --all --limit 1")

    assert said.code == Exit.WAITING
    assert "is carried out once it runs" in said.err


def test_no_wait_returns_at_once(operator: Operator, backlog: Backlog) -> None:
    backlog.fails(mishap=PARKED)

    with axis_running(backlog.home):
        order = operator.asks("replay --all --no-wait")

    assert (order["state"], order["total"]) == ("running", 1)


def test_a_replay_without_a_choice_is_refused(operator: Operator, backlog: Backlog) -> None:
    backlog.fails(mishap=PARKED)

    for choice in ("", "--state parked"):
        said = operator.types(f"replay {choice}")

        assert said.code == Exit.MISUSED
        assert "E_SELECTION_EMPTY" in said.err


def test_nothing_to_do_is_said_and_is_no_success(operator: Operator, backlog: Backlog) -> None:
    backlog.fails(mishap=PARKED)

    said = operator.types("replay --agency H41")
    told = operator.types("replay --agency H41 --json")

    assert (said.code, told.code) == (Exit.REFUSED, Exit.REFUSED)
    assert "Nothing to replay" in said.err
    assert told.json["letters"] == 0
    assert operator.asks("orders") == []


def test_what_another_operator_holds_is_told(operator: Operator, backlog: Backlog) -> None:
    backlog.many(2, PARKED)
    order = operator.types("replay --all --limit 1 --json --operator minh").json

    said = operator.types("discard --all --reason 'bên gửi đã gửi lại'")
    again = operator.types("discard --all --reason 'bên gửi đã gửi lại'")

    assert said.code == Exit.DONE
    assert "✔ 1 dead letter discarded" in said.out
    assert f"held by order {order['id']} (minh)" in said.err
    assert again.code == Exit.REFUSED


def test_a_letter_goes_only_to_a_mailbox_that_serves_its_recipient(
    operator: Operator, backlog: Backlog
) -> None:
    moved = Recipient(agency=AgencyCode("H24"), mailbox=MailboxName("H24.05"))
    letter = backlog.fails(backlog.delivery(recipients=[moved]), PARKED)

    wrong = operator.types(f"replay {letter.id} --to H41")
    all_of_them = operator.types("replay --all --to H24")
    right = operator.asks(f"replay {letter.id} --to H24 --no-wait")

    assert (wrong.code, "E_REROUTE" in wrong.err) == (Exit.MISUSED, True)
    assert all_of_them.code == Exit.MISUSED
    assert right["to"] == "H24"


def test_what_comes_back_too_often_must_be_restored(operator: Operator, backlog: Backlog) -> None:
    delivery = backlog.delivery()
    letter = backlog.fails(delivery, PARKED)
    for replays in range(3):
        order = operator.asks(f"replay {letter.id} --no-wait")
        backlog.carry_out(order["id"])
        backlog.fails(delivery, replace(DOWN, first=8 + replays))
    assert backlog.letter(letter.id).state is LetterState.QUARANTINED

    refused = operator.types(f"replay {letter.id}")
    restored = operator.types(f"restore {letter.id}")

    assert refused.code == Exit.REFUSED
    assert "left alone: 1 quarantined" in refused.err
    assert (restored.code, backlog.letter(letter.id).state) == (Exit.DONE, LetterState.PARKED)


def test_a_letter_that_came_back_is_told_as_returned(operator: Operator, backlog: Backlog) -> None:
    delivery = backlog.delivery()
    letter = backlog.fails(delivery, PARKED)
    backlog.carry_out(operator.asks("replay --all --no-wait")["id"])
    backlog.fails(delivery, replace(DOWN, first=8))

    listed = operator.types("list --returned")

    assert letter.id[:8] in listed.out
    assert "↩ came back from its last replay" in listed.out


# --- many at once -------------------------------------------------------------------------------


def test_many_letters_must_be_said_twice(operator: Operator, backlog: Backlog) -> None:
    backlog.many(3, PARKED)
    bulk = {"LIENTHONG_BULK_LIMIT": "2"}

    rehearsed = operator.types("discard --all --reason r --dry-run", **bulk)
    once = operator.types("discard --all --reason r", **bulk)
    fewer = operator.types("discard --all --reason r --limit 2", **bulk)
    twice = operator.types("discard --all --reason r --yes", **bulk)

    assert "--reason r --yes\n" in rehearsed.out
    assert (once.code, "E_NEEDS_YES" in once.err) == (Exit.MISUSED, True)
    assert "✔ 2 dead letters discarded" in fewer.out
    assert "✔ 1 dead letter discarded" in twice.out


def test_very_many_need_a_second_operator(operator: Operator, backlog: Backlog) -> None:
    letters = backlog.many(3, PARKED)

    said = operator.types("replay --all", LIENTHONG_APPROVAL_ABOVE="2")
    (order,) = operator.asks("orders --state pending")
    same = operator.types(f"approve {order['id']}")
    other = operator.types(f"approve {order['id']} --operator minh")

    assert said.code == Exit.WAITING
    assert f"$ lienthong dlq approve {order['id']}" in said.err
    assert (same.code, "E_SAME_OPERATOR" in same.err) == (Exit.MISUSED, True)
    assert other.code == Exit.DONE
    assert "approved: replay of 3 dead letters, asked for by lan" in other.out
    backlog.carry_out(order["id"])
    assert operator.types(f"follow {order['id']}").code == Exit.DONE
    assert backlog.letter(letters[0].id).state is LetterState.REDELIVERED
    assert [(row["operator"], row["what"]) for row in operator.journal()] == [
        ("lan", "dlq replay"),
        ("minh", "dlq approve"),
    ]


def test_a_cancelled_order_frees_its_letters(operator: Operator, backlog: Backlog) -> None:
    letters = backlog.many(3, PARKED)
    order = operator.asks("replay --all --no-wait")
    backlog.carry_out(order["id"], at_most=1)

    cancelled = operator.types(f"cancel {order['id']} --operator minh")
    followed = operator.types(f"follow {order['id']}")
    again = operator.types(f"cancel {order['id']}")

    assert f"order {order['id']} was cancelled by minh; done: 1 of 3" in cancelled.out
    assert followed.code == Exit.REFUSED
    assert (again.code, "E_ORDER_STATE" in again.err) == (Exit.MISUSED, True)
    assert sum(backlog.letter(each.id).order is None for each in letters) == 3
    assert [(row["operator"], row["what"], row["about"]) for row in operator.journal()] == [
        ("lan", "dlq replay", f"order {order['id']}, 3 dead letters"),
        ("minh", "dlq cancel", f"order {order['id']}, 3 dead letters"),
    ]


# --- giving up, keeping -------------------------------------------------------------------------


def test_a_discard_has_a_reason_and_a_name_and_can_be_undone(
    operator: Operator, backlog: Backlog
) -> None:
    letter = backlog.fails(mishap=PARKED)

    discarded = operator.types(f"discard {letter.id} --reason 'bên gửi đã gửi lại'")
    shown = operator.types(f"show {letter.id}").out
    restored = operator.types(f"restore {letter.id} --operator minh")

    assert (discarded.code, restored.code) == (Exit.DONE, Exit.DONE)
    assert "discarded by lan" in shown
    assert "bên gửi đã gửi lại" in shown
    assert "restored by minh" in operator.types(f"show {letter.id}").out
    assert backlog.letter(letter.id).state is LetterState.PARKED


@pytest.mark.parametrize("reason", ["", "--reason ''", "--reason ' '"])
def test_a_discard_without_a_reason_is_refused(
    operator: Operator, backlog: Backlog, reason: str
) -> None:
    letter = backlog.fails()

    assert operator.types(f"discard {letter.id} {reason}").code == Exit.MISUSED
    assert backlog.letter(letter.id).state is LetterState.WAITING


def test_an_operator_has_a_name(operator: Operator, backlog: Backlog) -> None:
    backlog.many(2, PARKED)
    operator.monkeypatch.delenv("LIENTHONG_OPERATOR")

    nobody = operator.types("discard --all --reason r --limit 1 --operator ' '")
    login = operator.types("discard --all --reason r --limit 1 --json", LOGNAME="hoa")

    assert nobody.code == Exit.MISUSED
    assert login.json["operator"] == "hoa"


def test_an_export_holds_every_letter_once_and_byte_for_byte(
    operator: Operator, backlog: Backlog, tmp_path: Path
) -> None:
    delivery = backlog.delivery()
    letter = backlog.fails(delivery)
    backlog.many(230, OURS)
    file = tmp_path / "letters.jsonl"

    said = operator.types(f"export --output {file}")
    again = operator.types(f"export --output {file}")

    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    by_id = {line["letter"]["id"]: line for line in lines}
    message = by_id[letter.id]["message"]
    assert said.code == Exit.DONE
    assert (len(lines), len(by_id)) == (231, 231)
    assert b64decode(message["body"]) == delivery.body
    assert message["signature"] == delivery.signature
    assert by_id[letter.id]["history"][0]["happening"] == "failed"
    assert (again.code, "E_OUTPUT_EXISTS" in again.err) == (Exit.MISUSED, True)
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_of_nothing_is_no_success(operator: Operator, backlog: Backlog) -> None:
    backlog.fails()

    assert operator.types("export --agency H41").code == Exit.REFUSED
    assert len(operator.types("export --agency H24").out.splitlines()) == 1


# --- watching -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["--json", ""])
def test_a_watch_tells_each_new_failure_until_ctrl_c(backlog: Backlog, form: str) -> None:
    backlog.fails()

    with at_a_terminal(backlog.home, f"watch {form}") as terminal:
        assert terminal.stderr is not None
        assert terminal.stdout is not None
        assert "watching" in terminal.stderr.readline()
        letter = backlog.fails(mishap=OURS)
        line = terminal.stdout.readline()
        terminal.send_signal(signal.SIGINT)
        rest, _ = terminal.communicate()

    assert (json.loads(line)["id"] if form else line.split()[3]) in {letter.id, letter.id[:8]}
    assert (terminal.returncode, rest) == (Exit.DONE, "")

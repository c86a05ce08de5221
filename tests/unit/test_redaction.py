"""Secrets are taken out of every text that leaves the process, however drivers quote them."""

import json
import logging
import subprocess
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bus.home.layout import Running
from bus.observability.logs import configure
from bus.settings import Settings, load_settings
from schemas.limits import MAX_LOG_VALUE_CHARS
from schemas.problem import AxisError, ConfigurationError, Place
from schemas.safe_text import redacted
from schemas.term import foreign

MARK = "S3cr3t-mark"


@pytest.mark.parametrize(
    "text",
    [
        f"amqp://lienthong:{MARK}@one:5672,two:5672/",
        f"amqp://lienthong:{MARK}@x@one/",
        f"cannot reach 'postgresql+asyncpg://u:{MARK}@db/name'",
        f"AMQPConnectionError('amqps://a:{MARK}@h:5671//?x=1')",
        f"http://a:{MARK}@h:15672 and amqp://b:{MARK}@h:5672",
        f"amqp://:{MARK}@host",
        f"password={MARK}",
        f"{{'password': '{MARK}', 'tags': ''}}",
        f'{{"password":"{MARK} with a blank"}}',
        f"LIENTHONG_PASSWORD: {MARK}",
        f"api_key = {MARK}, next",
        f"Authorization: Basic {MARK}==",
        f"authorization: bearer {MARK}",
        f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----",
        f"-----BEGIN EC PRIVATE KEY-----\n{MARK}",
        f"token: {MARK}",
        f"pin={MARK}",
    ],
)
def test_a_secret_is_hidden_and_what_is_around_it_stays(text: str) -> None:
    told = redacted(f"before {text}")

    assert MARK not in told
    assert told.startswith("before ")
    assert "***" in told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "V/v bảo mật thông tin",
        "https://example.test/path?a=b",
        "amqp://host:5672/",
        "spinning=1",
        "the token is missing",
        "a password is needed",
    ],
)
def test_a_text_without_a_secret_is_left_alone(text: str) -> None:
    assert redacted(text) == text


@given(before=st.text(), after=st.text())
def test_hiding_twice_changes_nothing_more(before: str, after: str) -> None:
    once = redacted(f"{before}://a:{MARK}@h {after}")

    assert redacted(once) == once


def test_a_problem_hides_secrets_wherever_they_stand() -> None:
    url = f"amqp://a:{MARK}@h/"
    error = AxisError.of(
        "E_BROKER_AWAY", cause=foreign(url), detail=url, place=Place(field=url, file=url)
    )

    assert MARK not in str(error) + repr(error) + repr(error.problem)
    assert MARK.encode() not in error.problem.to_json()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("amqp_url", f"amqp://u:{MARK}/x@host:5672/"),
        ("amqp_url", f"amqp://u:{MARK}#x@host:5672/"),
        ("amqp_url", f"amqp://u:p@host:{MARK}/"),
        ("amqp_url", f"{MARK}"),
        ("amqp_url", f"amqp://u:{MARK}@[bad/"),
        ("management_url", f"http://u:{MARK}/x@host:15672"),
        ("database_url", f"postgresql://u:{MARK}/x@host/db"),
        ("database_url", f"postgresql://u:p@host:{MARK}/db"),
    ],
)
def test_a_wrong_url_is_never_quoted(name: str, url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**{name: url})

    told = str(refused.value) + refused.value.problem.advice() + repr(refused.value)
    assert MARK not in told
    assert MARK.lower() not in told
    assert f"LIENTHONG_{name.upper()}" in told


def test_no_setting_and_no_address_shows_a_password_in_its_representation() -> None:
    url = f"amqp://u:{MARK}@h:1/"
    shown = repr(Settings(amqp_url=url, management_url=url, database_url=url))
    shown += str(Running(pid=1, amqp_url=url, management_url=url))

    assert MARK not in shown


def test_log_lines_hide_secrets_in_values_lists_and_traces(
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = f"amqp://a:{MARK}@h/"
    configure(as_json=True)
    log = structlog.get_logger("redaction")
    try:
        raise ValueError(url)
    except ValueError as error:
        log.exception("failed", url=url, many=[url, {"deep": url}], error=error)
        logging.getLogger("some.driver").warning("cannot reach %s", url, exc_info=True)
    log.warning("long", text="x" * (MAX_LOG_VALUE_CHARS + 1), most="x" * MAX_LOG_VALUE_CHARS)
    told = capfd.readouterr().err
    structlog.reset_defaults()

    assert MARK not in told
    first, *_, last = told.splitlines()
    assert json.loads(first)["many"][1]["deep"] == "amqp://a:***@h/"
    assert len(json.loads(last)["text"]) == MAX_LOG_VALUE_CHARS
    assert json.loads(last)["most"] == "x" * MAX_LOG_VALUE_CHARS


def test_a_bug_of_the_command_line_ends_with_a_trace_without_secrets() -> None:
    code = (
        "import sys; from bus.cli import app\n"
        f"def broken(): raise RuntimeError('amqp://a:{MARK}@h/')\n"
        "app.app = broken; app.main()"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert ended.returncode == 1
    assert b"RuntimeError: amqp://a:***@h/" in ended.stderr
    # The code itself stands on the command line, not in a file: the trace cannot quote it.
    assert MARK.encode() not in ended.stderr

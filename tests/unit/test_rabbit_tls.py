"""Whom a connection to the broker believes, and as whom it logs in: said by its URL."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.keys.transport import TransportAuthority
from bus.rabbit.residence import Transport
from bus.rabbit.tls import account_in, as_account, context_of, is_open_to_others, with_tls
from bus.settings import load_settings
from schemas.problem import ConfigurationError

NOW = datetime.now(UTC)
ROOT = Path(__file__).parents[2]
PLACE = "amqps://broker.example:5671/axis"


def test_files_travel_in_the_query_for_every_node_of_a_cluster(tmp_path: Path) -> None:
    url = with_tls("amqps://a:b@one:1,two:2/axis?heartbeat=5", authority=tmp_path / "ca.pem")

    assert url == f"amqps://a:b@one:1,two:2/axis?cafile={tmp_path}/ca.pem&heartbeat=5"


def test_a_certificate_is_the_login_only_where_no_password_is(tmp_path: Path) -> None:
    files = {"certificate": tmp_path / "c.pem", "key": tmp_path / "c.key"}

    assert "auth=external" in with_tls(PLACE, **files)
    assert "auth=external" not in with_tls("amqps://a:b@broker.example/", **files)


def test_the_account_of_a_login_by_certificate_is_the_name_in_it(tmp_path: Path) -> None:
    files = TransportAuthority(tmp_path).for_account("agency.H24", now=NOW)

    url = with_tls(PLACE, certificate=files.certificate, key=files.key)

    assert account_in(url) == "agency.H24"
    assert account_in(as_account(url, "agency.H41", "p/w")) == "agency.H41"
    assert "auth=external" not in as_account(url, "agency.H41", "p/w")


def test_what_is_spoken_is_tls_1_2_or_newer_and_always_verified(tmp_path: Path) -> None:
    authority = TransportAuthority(tmp_path)
    authority.for_broker(now=NOW)

    for url in (PLACE, with_tls(PLACE, authority=authority.certificate)):
        context = context_of(url)
        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context_of("amqp://broker.example") is None


@pytest.mark.parametrize("name", ["amqp_url", "management_url"])
def test_a_url_that_asks_not_to_verify_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**{name: f"{PLACE}?no_verify_ssl=1"})

    assert refused.value.problem.code == "E_SETTING"
    assert "LIENTHONG_AMQP_CA" in refused.value.problem.text()


def test_certificates_for_a_url_without_tls_are_refused(tmp_path: Path) -> None:
    settings = load_settings(amqp_url="amqp://a:b@broker.example/", amqp_ca=tmp_path / "ca.pem")

    with pytest.raises(ConfigurationError) as refused:
        assert settings.broker_url

    assert refused.value.problem.code == "E_SETTING"


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        context_of(with_tls(PLACE, authority=tmp_path / "missing.pem"))

    assert "missing.pem" in refused.value.problem.text()


def test_a_certificate_is_kept_while_it_lasts(tmp_path: Path) -> None:
    authority = TransportAuthority(tmp_path)
    first = authority.for_account("agency.H24", now=NOW).certificate.read_bytes()

    again = authority.for_account("agency.H24", now=NOW).certificate.read_bytes()

    assert again == first
    assert (tmp_path / "agency.H24.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("amqp://a:b@127.0.0.1:5672/", False),
        ("amqps://a:b@broker.example/", False),
        ("amqp://a:b@broker.example/", True),
        ("amqp://a:b@localhost:1,broker.example:2/", True),
    ],
)
def test_only_loopback_is_safe_without_tls(url: str, is_open: bool) -> None:
    assert is_open_to_others(url) is is_open


def test_a_broker_of_ones_own_is_given_the_tls_that_the_private_node_has() -> None:
    pem = Path("x.pem")
    ours = Transport(authority=pem, certificate=pem, key=pem).configuration
    theirs = (ROOT / "deploy" / "rabbitmq-tls.conf").read_text()

    kept = [
        line for line in _lines(theirs) if not line.startswith(("listeners", "management.ssl.port"))
    ]

    assert sorted(map(_without_files, kept)) == sorted(map(_without_files, _lines(ours)))


def _lines(configuration: str) -> list[str]:
    return [line for line in configuration.splitlines() if line and not line.startswith("#")]


def _without_files(line: str) -> str:
    name, _, value = line.partition(" = ")
    return name if name.endswith("file") else f"{name} = {value}"

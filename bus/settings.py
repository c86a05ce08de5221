"""Settings: everything an operator can choose, in one place, with units and embedded defaults.

Read from the environment with the prefix `LIENTHONG_`. With nothing set, `lienthong up` runs on a
private broker, SQLite, a local folder and a development certificate authority.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from adapters.contract import MIB, Limits
from bus.core.dead_letters.order import BulkLimits
from bus.core.dead_letters.retry import QUARANTINE_AFTER, SCHEDULES, RetryPolicy
from bus.keys.access import KeyAccess
from bus.rabbit.addresses import addresses_in
from bus.rabbit.tls import must_verify, with_tls
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Warned
from schemas.term import foreign, term
from schemas.validation import finding_term


class LogStyle(StrEnum):
    """How log lines look: for people, for machines, or only errors and for people."""

    PRETTY = "pretty"
    JSON = "json"
    QUIET = "quiet"


def _of_nodes(url: str | None) -> str | None:
    """A URL whose hosts can be told apart, and are proven.

    Never quoted when it is wrong: it holds a password.
    """
    if url is not None:
        for address in addresses_in(url):
            _parted(address)
        must_verify(url)
    return url


def _of_store(url: str | None) -> str | None:
    """A URL that can be taken apart, or a file's."""
    if url is not None and not url.startswith("sqlite"):
        _parted(url)
    return url


def _parted(url: str) -> None:
    form = "it is no scheme://account:password@host:port/…; in a password write / as %2F, @ as %40"
    try:
        parts = urlsplit(url)
        # A database may be reached by a socket: `?host=/folder`.
        host = parts.hostname or "host=" in parts.query
        well = parts.scheme and host and parts.port != 0
    except ValueError:
        well = False
    if not well:
        raise ValueError(form)


def _no_ledger(asked: bool) -> bool:
    """Refused until there is a ledger: its queue would grow and nobody would consume it."""
    if asked:
        raise ValueError("this version has no ledger")
    return asked


class Settings(BaseSettings):
    """The choices.

    Attributes:
        home: Where folders, keys, directory and embedded stores live.
        amqp_url: A broker to use, `amqps://account:password@host:5671/vhost`. A cluster is given
            with the hosts of all its nodes, `…@one:5671,two:5671,three:5671/vhost`: when one is
            lost, the next is tried (decision record 0014). Absent: a broker is found or started.
        management_url: Its management API, `http://host:15672`, with as many hosts; derived from
            `amqp_url` if absent.
        amqp_ca: The authority that must have signed the broker's certificate, a PEM file; absent:
            one of those that the system believes.
        amqp_certificate: The account's certificate, a PEM file. It is the login (EXTERNAL) when
            `amqp_url` holds no password.
        amqp_key: Its private key; absent: in the same file.
        rabbitmq: The folder of the RabbitMQ installation that a private node is started from, which
            holds `sbin/rabbitmq-server`; absent: the usual places are looked through.
        attachments: The folder of attachments, shared with those one exchanges documents with;
            absent: in the home.
        attachment_cache_bytes: How many bytes of attachments may be copied into the home, where
            `attachments` is on another file system.
    may_install: Whether a missing RabbitMQ may be installed by the package manager.
        database_url: SQLAlchemy URL of the store; absent: SQLite in the home.
        ledger: Whether a ledger consumes its queue; refused until there is one.
        bulk_limit: An order about more dead letters than this must be said twice.
        approval_above: An order about more needs a second operator; absent: none does.
        max_packet_bytes: The largest packet file that is taken, and the largest sum of its files.
        seal: Whether every document sent from this home is sealed (docs/sealed-documents.md).
        sign_edxml: Whether the edXML packets that are handed over bear a header signature by the
            mailbox's own key, which must be an RSA key.
        edxml_strict: Mailboxes with old readers, as JSON: their packets hold no element that the
            format does not know.
        edxml_zip: Mailboxes with old readers likewise, whose attachments are each wrapped in a ZIP.
        trust_list: Folder of the certificates (*.pem) that signatures in attached PDFs are judged
            by. Absent: `trust-list` in the home; without any certificate they are not checked.
        workers: Processes that run the agencies' adapters; 0: one for each processor.
        poll: How often outboxes are looked at, or half as often, although no change is reported.
        settle: How long a file must rest that is written into an outbox, and not renamed into it.
        prefetch: Deliveries in work per mailbox and lane.
        reading: Packet files read at the same time by each worker.
        endpoints: Settings of endpoints as JSON, by the name of the endpoint:
            `{"name": {"key": "value"}}`.
        format_deadline: How long a format may work on one file or delivery; a second more for each
            4 MiB of it. What takes longer is ended, and refused or parked.
        hand_over_deadline: How long an agency's system may take for one delivery, likewise; then
            its mailbox is paused until it answers.
        publish_deadline: After this a publish without an answer is unknown, and sent again.
        look_at_letters: How often the dead-letter handler looks for what is due or ordered.
        retries: For each class of failure the waits before its automatic retries, as JSON, in
            seconds or ISO 8601: `{"recipient_down": [30, "PT2M"]}`. A class without is parked.
        revocation_every: How often CRLs and OCSP responders are asked, in the background.
        revocation_grace: How long the last answer of one that is away may count before that is an
            alarm of its own. Traffic goes on in any case.
        key_passphrase_file: Holds the passphrase of encrypted private keys; readable by its owner
            only. Private keys that are made are encrypted with it.
        pkcs11_module: The PKCS #11 module of the tokens that hold private keys.
        pkcs11_pin_file: Holds the tokens' PIN; readable by its owner only.
        traces_url: Where traces go, OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`; absent: no
            tracing. Needs the extra `traces`.
        quarantine_after: Replays of one dead letter that came back, before it is quarantined.
        metrics: Whether metrics are kept and served; `lienthong top` needs them.
        metrics_host: The IPv4 address that `/metrics`, `/healthz` and `/readyz` are served on.
        metrics_port: The port of the axis; its workers take those that follow. Absent: free ones,
            named in `<home>/running.json`.
    """

    model_config = SettingsConfigDict(env_prefix="LIENTHONG_", frozen=True, extra="ignore")

    home: Path = Path("axis")
    amqp_url: Annotated[str | None, AfterValidator(_of_nodes), Field(repr=False)] = None
    management_url: Annotated[str | None, AfterValidator(_of_nodes), Field(repr=False)] = None
    amqp_ca: Path | None = None
    amqp_certificate: Path | None = None
    amqp_key: Path | None = None
    rabbitmq: Path | None = None
    attachments: Path | None = None
    attachment_cache_bytes: Annotated[int, Field(ge=0)] = 2 * 1024 * MIB
    may_install: bool = False
    database_url: Annotated[str | None, AfterValidator(_of_store), Field(repr=False)] = None
    ledger: Annotated[bool, AfterValidator(_no_ledger)] = False
    bulk_limit: Annotated[int, Field(ge=1)] = 100
    approval_above: Annotated[int, Field(ge=0)] | None = None
    max_packet_bytes: Annotated[int, Field(ge=MIB)] = 2048 * MIB
    seal: bool = False
    sign_edxml: bool = False
    edxml_strict: frozenset[MailboxName] = frozenset()
    edxml_zip: frozenset[MailboxName] = frozenset()
    trust_list: Path | None = None
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    poll: timedelta = timedelta(seconds=15)
    settle: timedelta = timedelta(seconds=1)
    endpoints: Mapping[str, Mapping[str, str]] = {}
    prefetch: Annotated[int, Field(ge=1, le=1000)] = 16
    reading: Annotated[int, Field(ge=1, le=64)] = 4
    format_deadline: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=30)
    hand_over_deadline: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=60)
    publish_deadline: timedelta = timedelta(seconds=30)
    look_at_letters: timedelta = timedelta(seconds=1)
    retries: dict[FailureClass, tuple[timedelta, ...]] = dict(SCHEDULES)
    quarantine_after: Annotated[int, Field(ge=1)] = QUARANTINE_AFTER
    metrics: bool = True
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=1, le=65_535 - 256)] | None = None
    revocation_every: timedelta = timedelta(minutes=10)
    revocation_grace: timedelta = timedelta(days=3)
    key_passphrase_file: Path | None = None
    pkcs11_module: Path | None = None
    pkcs11_pin_file: Path | None = None
    log_style: LogStyle = LogStyle.PRETTY
    traces_url: str | None = None

    @property
    def broker_url(self) -> str | None:
        """The broker to use, with whom to believe. Raises `ConfigurationError` E_SETTING."""
        return self._with_tls(self.amqp_url)

    @property
    def broker_management_url(self) -> str | None:
        """Its management API likewise; over plain HTTP there is nobody to believe."""
        url = self.management_url
        return self._with_tls(url) if url is not None and url.startswith("https:") else url

    def _with_tls(self, url: str | None) -> str | None:
        if url is None:
            return None
        return with_tls(
            url, authority=self.amqp_ca, certificate=self.amqp_certificate, key=self.amqp_key
        )

    @property
    def limits(self) -> Limits:
        """The bounds on what formats read."""
        return Limits(max_packet_bytes=self.max_packet_bytes)

    @property
    def retry_policy(self) -> RetryPolicy:
        """How patient the dead-letter handler is."""
        return RetryPolicy(schedules=self.retries, quarantine_after=self.quarantine_after)

    @property
    def bulk_limits(self) -> BulkLimits:
        """How many dead letters one order may take on the word of one operator."""
        return BulkLimits(confirm_above=self.bulk_limit, approve_above=self.approval_above)

    @property
    def key_access(self) -> KeyAccess:
        """How private keys are come by."""
        return KeyAccess(
            passphrase_file=self.key_passphrase_file,
            module=self.pkcs11_module,
            pin_file=self.pkcs11_pin_file,
        )

    @property
    def environment(self) -> dict[str, str]:
        """These very choices, as another process reads them."""
        chosen = self.model_dump(mode="json", exclude_none=True)
        return {
            f"LIENTHONG_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in chosen.items()
        }

    @property
    def store_url(self) -> str:
        """The store that is used."""
        return self.database_url or f"sqlite:///{self.home / 'lienthong.db'}"

    @property
    def failures_url(self) -> str:
        """The store of the dead letters."""
        file = self.failures_file
        return f"{self.database_url}" if file is None else f"sqlite:///{file}"

    @property
    def failures_file(self) -> Path | None:
        """The same, where it is a file of the home."""
        return None if self.database_url else self.home / "failures.db"


_PREFIX = "LIENTHONG_"
_READ_ELSEWHERE = frozenset(
    {"LIENTHONG_OPERATOR", "LIENTHONG_BROKER_PASSWORD", "LIENTHONG_GRAFANA_PASSWORD"}
)
"""By `lienthong dlq`, and by the files for Docker."""


def misspelt(names: Iterable[str]) -> tuple[Warned, ...]:
    """Which names of the environment look like settings and are none; with the nearest that is.

    Their values are not told: they may be secrets.
    """
    known = {f"{_PREFIX}{field.upper()}" for field in Settings.model_fields} | _READ_ELSEWHERE
    found = sorted(name for name in names if name.upper().startswith(_PREFIX))
    return tuple(_unknown(name, known) for name in found if name.upper() not in known)


def _unknown(name: str, known: Collection[str]) -> Warned:
    # Compared without what all have in common.
    short = {each.removeprefix(_PREFIX): each for each in known}
    near = get_close_matches(name.upper().removeprefix(_PREFIX), short, n=1)
    if not near:
        return Warned(code="W_SETTING_UNKNOWN", params={"name": name})
    return Warned(code="W_SETTING_MISSPELT", params={"name": name, "nearest": short[near[0]]})


def load_settings(**given: object) -> Settings:
    """Read the environment; what is given (and not None) wins.

    Raises:
        ConfigurationError: E_SETTING names the setting and what is wrong with it.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        name = "LIENTHONG_" + str(first["loc"][0]).upper()
        within = ".".join(str(part) for part in first["loc"][1:] if part != "[key]")
        cause = finding_term(first)
        if within:
            cause = term("setting_at", path=within, why=cause)
        raise AxisError.of("E_SETTING", name=name, cause=cause) from invalid
    except SettingsError as unreadable:
        # It says which field; what is wrong stands in its cause.
        cause = foreign(f"{unreadable}: {unreadable.__cause__}")
        raise AxisError.of("E_SETTING", name="LIENTHONG_…", cause=cause) from unreadable

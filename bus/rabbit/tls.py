"""TLS: the trusted authority and the own certificate of a connection to the broker.

The query of the broker's URL contains them, as aiormq and aio-pika read it: `cafile`, `certfile`,
`keyfile`, and `auth=external` where the certificate is the login. So one URL is enough for every
process and for every node of a cluster.
"""

import ssl
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from bus.rabbit.addresses import addresses_in
from schemas.problem import AxisError
from schemas.term import foreign, of_os, term

_SECURE = frozenset({"amqps", "https"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UNVERIFIED = "no_verify_ssl"


def with_tls(
    url: str,
    *,
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> str:
    """A URL with the trusted authority and the certificate of the login.

    Args:
        authority: Signs the broker's certificate; None: an authority that the system trusts.
        certificate: Of the account. Without a password in the URL, it is the login (EXTERNAL).
        key: The private key of the certificate; None: it is in the same file.

    Raises:
        ConfigurationError: E_SETTING; files are given for a URL that is not for TLS.
    """
    parts = urlsplit(url)
    given = {"cafile": authority, "certfile": certificate, "keyfile": key}
    query = {name: str(path.absolute()) for name, path in given.items() if path is not None}
    if not query:
        return url
    if parts.scheme not in _SECURE:
        cause = term("tls_unused", scheme=parts.scheme)
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    query |= said  # what the URL says itself counts
    if "certfile" in query and parts.scheme == "amqps" and parts.password is None:
        query["auth"] = "external"
    return urlunsplit(parts._replace(query=urlencode(query, safe="/")))


def context_of(url: str) -> ssl.SSLContext | None:
    """The TLS context of a URL; None: the URL is not for TLS.

    The certificate and name of the broker are always verified; the version is 1.2 or newer.

    Raises:
        ConfigurationError: E_SETTING names the file that cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SECURE:
        return None
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    name, path = "LIENTHONG_AMQP_CA", said.get("cafile")
    try:
        if path is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=path)
        if "certfile" in said:
            name, path = "LIENTHONG_AMQP_CERTIFICATE", said["certfile"]
            context.load_cert_chain(path, said.get("keyfile"))
    except OSError as error:  # ssl.SSLError is one
        cause = term("setting_at", path=path, why=of_os(error))
        raise AxisError.of("E_SETTING", name=name, cause=cause) from error
    return context


def as_account(url: str, account: str, password: str) -> str:
    """The URL with which another account logs in to the same broker."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    said = {name: values[0] for name, values in parse_qs(parts.query).items() if name != "auth"}
    netloc = f"{quote(account, safe='')}:{quote(password, safe='')}@{hosts}"
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(said, safe="/")))


def without_login(url: str) -> str:
    """The URL without account and password, which may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def account_in(url: str) -> str:
    """The account that a URL logs in with: the one named, else that of its certificate.

    Raises:
        ConfigurationError: E_SETTING; the certificate cannot be read or names nobody.
    """
    parts = urlsplit(url)
    files = parse_qs(parts.query).get("certfile")
    if parts.username or not files:
        return unquote(parts.username or "guest")
    try:
        certificate = x509.load_pem_x509_certificate(Path(files[0]).read_bytes())
        (named,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError) as error:
        cause = term(
            "account_unnamed",
            path=files[0],
            why=of_os(error) if isinstance(error, OSError) else foreign(error),
        )
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_CERTIFICATE", cause=cause) from error
    return str(named.value)


def must_verify(url: str) -> str:
    """The URL, unless it asks not to verify the broker. Raises `ValueError`."""
    if _UNVERIFIED in parse_qs(urlsplit(url).query):
        raise ValueError(f"{_UNVERIFIED} is refused: name the authority in LIENTHONG_AMQP_CA")
    return url


def is_open_to_others(url: str) -> bool:
    """Whether passwords and documents would cross a network unencrypted."""
    hosts = {urlsplit(address).hostname for address in addresses_in(url)}
    return urlsplit(url).scheme not in _SECURE and not hosts <= _LOOPBACK

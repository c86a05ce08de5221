"""Addresses: the nodes that one URL names, and the order in which they are tried.

The modules that connect try them: `connection`, `administration`, `management`.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit


def addresses_in(url: str) -> tuple[str, ...]:
    """Return a URL for each host: `scheme://login@one:1,two:2/path` names two nodes of a cluster.

    Login, path and query are the same in all of them, because a cluster has one set of accounts and
    virtual hosts. A URL with one host is returned unchanged.

    Raises:
        ValueError: A host is missing beside a comma.
    """
    parts = urlsplit(url)
    # A password may contain commas, a host may not.
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (url,)
    names = [host.strip() for host in hosts.split(",")]
    if not all(names):
        raise ValueError("a host is missing beside a comma")
    return tuple(urlunsplit(parts._replace(netloc=f"{login}{at}{name}")) for name in names)


class Rotation:
    """Goes through the addresses in a circle.

    Args:
        start: Index of the first address. Clients choose it at random to spread over the nodes.
    """

    def __init__(self, addresses: Sequence[str], *, start: int = 0) -> None:
        self._addresses = addresses
        self._at = start % len(addresses)

    def __len__(self) -> int:
        return len(self._addresses)

    @property
    def current(self) -> str:
        """The address to try now."""
        return self._addresses[self._at]

    def turn(self) -> None:
        """Move to the next address."""
        self._at = (self._at + 1) % len(self._addresses)

"""Addresses: the nodes of one cluster behind one URL, and which of them is tried next.

Trying is left to whoever connects: `connection`, `administration`, `management`.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit


def addresses_in(url: str) -> tuple[str, ...]:
    """A URL for each host: `scheme://login@one:1,two:2/path` names two nodes of one cluster.

    All have login, path and query in common, because a cluster has one set of accounts and virtual
    hosts. A URL with one host is given back as it is.

    Raises:
        ValueError: There is nothing between two commas.
    """
    parts = urlsplit(url)
    # A password may hold commas, a host may not.
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (url,)
    names = [host.strip() for host in hosts.split(",")]
    if not all(names):
        raise ValueError("a host is missing beside a comma")
    return tuple(urlunsplit(parts._replace(netloc=f"{login}{at}{name}")) for name in names)


class Rotation:
    """Which address is tried now, and after it the next one, round and round.

    Args:
        start: Begin there. Clients that begin anywhere spread over the nodes.
    """

    def __init__(self, addresses: Sequence[str], *, start: int = 0) -> None:
        self._addresses = addresses
        self._at = start % len(addresses)

    def __len__(self) -> int:
        return len(self._addresses)

    @property
    def current(self) -> str:
        """The address to try."""
        return self._addresses[self._at]

    def turn(self) -> None:
        """Go on to the next."""
        self._at = (self._at + 1) % len(self._addresses)

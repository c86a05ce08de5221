"""CertificateExpiry: when operators are warned of a certificate's end, and validity changes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.core.keyring import CertifiedKey

WARNED_AHEAD = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before its end a certificate is spoken of, each time once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """A certificate that ends soon.

    Attributes:
        ahead: Which of `WARNED_AHEAD` this is.
    """

    key: CertifiedKey
    ahead: timedelta


def endings(
    keys: Iterable[CertifiedKey],
    *,
    now: datetime,
    told: Collection[tuple[str, timedelta]] = (),
) -> tuple[Ending, ...]:
    """The certificates whose end must be spoken of now.

    Of the warnings that a certificate has come to, only the last one. None for a certificate
    that has ended, and none while another of its owner is valid and lasts beyond the first
    warning: it was rotated.

    Args:
        keys: Those that count: a revoked one is spoken of elsewhere.
        told: Thumbprint and `ahead` of what was spoken of before.
    """
    known = tuple(keys)
    lasting = {
        key.owner for key in known if key.is_valid_at(now) and key.not_after - now > WARNED_AHEAD[0]
    }
    found = []
    for key in known:
        reached = [ahead for ahead in WARNED_AHEAD if now + ahead >= key.not_after]
        if key.owner in lasting or not key.is_valid_at(now) or not reached:
            continue
        if (key.thumbprint, min(reached)) not in told:
            found.append(Ending(key=key, ahead=min(reached)))
    return tuple(found)


def next_change(keys: Iterable[CertifiedKey], *, now: datetime) -> datetime | None:
    """When next a certificate begins or has ended; None: never."""
    moments = [moment for key in keys for moment in (key.not_before, key.not_after)]
    return min((moment for moment in moments if moment > now), default=None)

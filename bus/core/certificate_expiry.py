"""When operators are warned that a certificate expires, and when validity changes next."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.core.keyring import CertifiedKey

WARNED_AHEAD = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before the expiry a warning is given, each of them once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiryWarning:
    """A certificate that expires soon; `ahead` is one of `WARNED_AHEAD`."""

    key: CertifiedKey
    ahead: timedelta


def expiry_warnings(
    keys: Iterable[CertifiedKey],
    *,
    now: datetime,
    told: Collection[tuple[str, timedelta]] = (),
) -> tuple[ExpiryWarning, ...]:
    """The warnings that are due now, at most one for each certificate.

    There is no warning for an expired certificate, nor while the owner has another valid
    certificate that expires after the first warning: then the key was replaced.

    Args:
        keys: The certificates that are not revoked.
        told: Thumbprint and `ahead` of every warning that was given before.
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
            found.append(ExpiryWarning(key=key, ahead=min(reached)))
    return tuple(found)


def next_change(keys: Iterable[CertifiedKey], *, now: datetime) -> datetime | None:
    """The next moment at which a certificate becomes valid or expires; None: there is none."""
    moments = [moment for key in keys for moment in (key.not_before, key.not_after)]
    return min((moment for moment in moments if moment > now), default=None)

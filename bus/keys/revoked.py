"""Revoked: what an operator has said against certificates, kept in one file of the key folder.

`<folder>/revoked.json`: `[{"thumbprint": …, "at": …, "reason": …}]`, oldest first. Nothing is ever
taken out of it: a certificate that was revoked stays so (RFC 5280, 5).
"""

import json
from collections.abc import Mapping
from datetime import datetime

from bus.core.revocation.statement import Revocation, RevocationReason, RevocationSource, strictest
from bus.keys.files import doorway, write_file
from bus.keys.folder import KeyFolder

_AXIS = "the axis"


def revocations_here(files: KeyFolder) -> tuple[Revocation, ...]:
    """What the operator has revoked, oldest statement first.

    Raises:
        ConfigurationError: The file cannot be understood (E_KEYS).
    """
    with doorway(files.revoked, agency=_AXIS):
        try:
            said = json.loads(files.revoked.read_bytes())
        except FileNotFoundError:
            return ()
        return _read_all(said)


def revoked_here(files: KeyFolder) -> Mapping[str, Revocation]:
    """What the operator has revoked, by thumbprint. Raises `ConfigurationError` E_KEYS."""
    return strictest(revocations_here(files))


def revoke_here(
    files: KeyFolder, thumbprint: str, *, reason: RevocationReason, now: datetime
) -> Revocation:
    """State that a certificate counts no more from now on; on the disk at the return.

    Raises:
        ConfigurationError: The file cannot be read or written (E_KEYS).
    """
    with files.locked():
        revocation = Revocation(
            thumbprint=thumbprint,
            at=now.replace(microsecond=0),
            reason=reason,
            source=RevocationSource.OPERATOR,
        )
        told = [_said(each) for each in (*revocations_here(files), revocation)]
        data = json.dumps(told, indent=1).encode() + b"\n"
        write_file(files.revoked, data, mode=0o644, agency=_AXIS)
    return revocation


def _read_all(said: object) -> tuple[Revocation, ...]:
    match said:
        case [*each]:
            return tuple(map(_read, each))
        case _:
            raise ValueError("it is no list of revocations")


def _read(said: object) -> Revocation:
    match said:
        case {"thumbprint": str(thumbprint), "at": str(at), "reason": str(reason)}:
            moment = datetime.fromisoformat(at)
            if moment.tzinfo is None:
                raise ValueError(f"{at} has no time zone")
            return Revocation(
                thumbprint=thumbprint,
                at=moment,
                reason=RevocationReason(reason),
                source=RevocationSource.OPERATOR,
            )
        case _:
            raise ValueError("a revocation has thumbprint, at and reason")


def _said(revocation: Revocation) -> dict[str, str]:
    return {
        "thumbprint": revocation.thumbprint,
        "at": revocation.at.isoformat(),
        "reason": revocation.reason,
    }

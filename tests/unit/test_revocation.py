"""A revoked certificate: what it signed before still counts, unless its key was stolen."""

from datetime import timedelta

import pytest

from bus.core.keyring import KeyRing
from bus.core.revocation.statement import (
    Revocation,
    RevocationReason,
    RevocationSource,
    strictest,
)
from bus.core.signing import sign, verify
from schemas.problem import AxisError
from tests.support.certificates import NOW, Signer, signer

BODY = b"{}"
SECOND = timedelta(seconds=1)


def revoked(
    agency: Signer, reason: RevocationReason = RevocationReason.SUPERSEDED
) -> tuple[KeyRing, Revocation]:
    """The ring of one agency whose certificate counts no more since now."""
    revocation = Revocation(
        thumbprint=agency.key.thumbprint, at=NOW, reason=reason, source=RevocationSource.OPERATOR
    )
    return KeyRing(agency.ring.values(), [revocation]), revocation


@pytest.fixture(scope="module")
def agency() -> Signer:
    return signer()


def test_what_was_signed_before_the_revocation_still_verifies(agency: Signer) -> None:
    ring, _ = revoked(agency)
    signature = sign(BODY, key=agency.key, now=NOW - SECOND)

    assert verify(BODY, signature, keys=ring, now=NOW + SECOND).signed_at == NOW - SECOND


@pytest.mark.parametrize("later", [timedelta(0), SECOND, timedelta(days=30)])
def test_what_is_signed_from_the_revocation_on_is_refused(agency: Signer, later: timedelta) -> None:
    ring, revocation = revoked(agency)
    signature = sign(BODY, key=agency.key, now=NOW + later)

    with pytest.raises(AxisError) as refused:
        verify(BODY, signature, keys=ring, now=NOW + later)

    problem = refused.value.problem
    assert problem.code == "E_CERTIFICATE_REVOKED"
    assert problem.params["reason"] == revocation.reason
    assert NOW.isoformat() in problem.text()


@pytest.mark.parametrize(
    "reason",
    [
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.CA_COMPROMISE,
        RevocationReason.AA_COMPROMISE,
    ],
)
def test_a_stolen_key_proves_nothing_whatever_signing_time_it_claims(
    agency: Signer, reason: RevocationReason
) -> None:
    ring, _ = revoked(agency, reason)
    signature = sign(BODY, key=agency.key, now=NOW - timedelta(days=50))

    with pytest.raises(AxisError) as refused:
        verify(BODY, signature, keys=ring, now=NOW)

    assert refused.value.problem.code == "E_CERTIFICATE_REVOKED"


def test_of_several_revocations_the_strictest_holds(agency: Signer) -> None:
    _, operator = revoked(agency)
    earlier = Revocation(
        thumbprint=operator.thumbprint,
        at=NOW - SECOND,
        reason=RevocationReason.UNSPECIFIED,
        source=RevocationSource.CRL,
    )
    _, stolen = revoked(agency, RevocationReason.KEY_COMPROMISE)

    assert strictest([operator, earlier])[operator.thumbprint] == earlier
    assert strictest([stolen, earlier, operator])[operator.thumbprint] == stolen

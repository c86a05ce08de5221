"""Every kind of certificate that an authority may issue, through the whole path."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.core.algorithm import Algorithm
from bus.core.keyring import KeyRing
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.packets import a_packet
from tests.support.certificates import fresh_key_for, signer
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.two_agencies import TwoAgencies, eventually


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_a_document_and_its_receipt_are_signed_and_proven(
    tmp_path: Path, algorithm: Algorithm
) -> None:
    now, axis = datetime.now(UTC), TwoAgencies(tmp_path)
    signers = {
        code: signer(
            algorithm,
            owner=MailboxName(code),
            private_key=fresh_key_for(algorithm),
            starts=now - timedelta(days=1),
            ends=now + timedelta(days=1),
        )
        for code in (SENDER, RECIPIENT)
    }
    axis.parts = replace(
        axis.parts,
        ring=KeyRing(key for each in signers.values() for key in each.ring.values()),
        key_of=lambda code: signers[AgencyCode(code)].key,
    )

    async with axis.running():
        packet = a_packet(sender=SENDER, receivers=[RECIPIENT], number="1")
        axis.drop(SENDER, "a.edxml", packet)
        await eventually(lambda: axis.statuses(SENDER))

    assert {each.key.algorithm for each in signers.values()} == {algorithm}
    assert len(axis.documents(RECIPIENT)) == 1
    assert axis.failures == []

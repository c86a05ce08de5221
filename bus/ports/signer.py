"""Signer: signs for one mailbox, wherever its private key lies."""

from datetime import datetime
from typing import Protocol


class Signer(Protocol):
    """Signs with the key that the mailbox has now; keys are rotated."""

    async def sign(self, body: bytes, *, now: datetime) -> str:
        """Make the detached JWS of a body, as `bus.core.signing.sign` does.

        Args:
            now: The signing time.

        Raises:
            TransportError: E_SIGNING_KEY_AWAY: there is no key that can be used now, or the token
                that holds it gives no answer in time. Try again later.
        """

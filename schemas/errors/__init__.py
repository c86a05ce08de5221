"""The error catalogue: stable codes with fault, text and advice in English and Vietnamese.

Codes are part of the wire contract: they travel in receipts and dead letters. Texts may be
improved; codes may not change.
"""

from schemas.errors.broker import BROKER
from schemas.errors.dead_letters import DEAD_LETTERS
from schemas.errors.directory import DIRECTORY
from schemas.errors.entry import Entry, FailureClass, Fault
from schemas.errors.operation import OPERATION
from schemas.errors.packet import PACKET
from schemas.errors.proof import PROOF
from schemas.errors.routing import ROUTING

__all__ = ["ENTRIES", "Entry", "FailureClass", "Fault"]

ENTRIES: dict[str, Entry] = {
    **PACKET,
    **ROUTING,
    **PROOF,
    **OPERATION,
    **BROKER,
    **DIRECTORY,
    **DEAD_LETTERS,
}

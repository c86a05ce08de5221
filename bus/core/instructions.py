"""Instructions: what the axis tells its workers.

A changed directory, and changed keys, are known to all workers before any of them serves a mailbox
that is new, or signs with a certificate that is new: otherwise a worker would refuse what it does
not know yet.
"""

from dataclasses import dataclass

from schemas.directory import Directory
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Know:
    """Take up this directory, and the key folder; answered by `DirectoryTakenUp`, same edition.

    Attributes:
        edition: Counts the directories and keys that this axis has taken up, whatever their
            versions say.
        certificates: Thumbprints of those that lie in the key folder. With another, filed a moment
            later, nobody signs before the next edition: not every worker may have seen it.
    """

    edition: int
    directory: Directory
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Serve:
    """Run the adapters of these mailboxes, and no others; answered by `WorkerStarted`.

    Their signing keys are chosen anew, among the certificates of the last `Know`.

    Attributes:
        careful: The worker before was lost: find out over what (`bus.services.crash_guard`).
    """

    mailboxes: tuple[MailboxName, ...]
    careful: bool = False


Instruction = Know | Serve

"""Instructions: what the axis tells its workers.

A changed directory is known to all workers before any of them serves a mailbox that is new in it:
otherwise a worker would refuse what an agency it does not know yet has signed.
"""

from dataclasses import dataclass

from schemas.directory import Directory
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Know:
    """Take up this directory; answered by `DirectoryTakenUp` with the same edition.

    Attributes:
        edition: Counts the directories that this axis has taken up, whatever their versions say.
    """

    edition: int
    directory: Directory


@dataclass(frozen=True, kw_only=True, slots=True)
class Serve:
    """Run the adapters of these mailboxes; answered by `WorkerStarted`. None of them ever stops.

    Attributes:
        careful: The worker before was lost: find out over what (`bus.services.guard`).
    """

    mailboxes: tuple[MailboxName, ...]
    careful: bool = False


Instruction = Know | Serve

"""Recipient: one addressed agency and the mailbox that serves it."""

from schemas.identifiers import AgencyCode, MailboxName
from schemas.value import Value


class Recipient(Value):
    """One addressed agency and the mailbox that serves it.

    `named` is the code by which the document addresses it, where that is another one: the answer
    goes out under the code that the sender's system knows.
    """

    agency: AgencyCode
    mailbox: MailboxName
    named: str | None = None

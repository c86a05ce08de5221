"""Routing: which agency a code names, which mailbox serves it, and who may send as whom.

Only the directory decides, not the form of a code. `docs/directory.md` explains the rules.
"""

from dataclasses import dataclass
from datetime import date

from bus.core.directory_rules import check
from bus.core.reference import code_in, code_key
from bus.core.topology import mailboxes_by_word
from schemas.directory import Agency, AgencyAlias, Directory
from schemas.envelope import Recipient
from schemas.identifiers import (
    AgencyCode,
    CodeScheme,
    MailboxName,
    from_qcvn102,
    scheme_of,
    to_qcvn102,
)
from schemas.problem import AxisError, ConfigurationError, DocumentError, Problem, Warned


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The agency that a code names on a day, with warnings."""

    agency: Agency
    warnings: tuple[Warned, ...] = ()


class Routing:
    """A directory with indexes. Raises `ConfigurationError` as `directory_rules.check`."""

    def __init__(self, directory: Directory) -> None:
        self._names = check(directory)
        self._agencies = {agency.code: agency for agency in directory.agencies}
        self._mailboxes = {code: self._find_mailbox(code, None) for code in self._agencies}
        # Without mergers, the mailbox of an agency is the same on every day.
        self._merging = any(a.valid_to and a.merged_into for a in directory.agencies)
        self._by_key = {code_key(code): namings[-1].agency for code, namings in self._names.items()}
        self.directory = directory
        self.mailboxes = tuple(
            MailboxName(agency.code) for agency in directory.agencies if agency.connected
        )
        self._mailbox_of_word = mailboxes_by_word(self.mailboxes)

    def mailbox_called(self, word: str) -> MailboxName | None:
        """The mailbox for its word in routing keys, queue names and accounts; None: unknown."""
        return self._mailbox_of_word.get(word)

    def resolve(self, code: str, on: date) -> Resolved:
        """Find the agency that `code` names on a day, even if it is suspended.

        The conversion between QCVN 102 and Decision 20 is used only for codes that are not in the
        directory, because units get new numbers. An expired code leads to the successor.

        Raises:
            DocumentError: E_UNKNOWN_RECEIVER, or E_RECEIVER_EXPIRED without a successor.
        """
        naming = self._naming(code, on)
        if naming is None:
            raise AxisError.of("E_UNKNOWN_RECEIVER", code=code)
        agency = self._agencies[naming.agency]
        warnings = []
        if scheme_of(code) is CodeScheme.OPAQUE:
            warnings.append(Warned(code="W_CODE_SHAPE", params={"code": code}))
        expired = _before(naming.valid_to, on) or _before(agency.valid_to, on)
        while _before(agency.valid_to, on):
            if agency.merged_into is None:
                raise AxisError.of("E_RECEIVER_EXPIRED", code=code, date=agency.valid_to)
            agency = self._agencies[agency.merged_into]
        if expired:
            params = {"code": code, "successor": agency.code}
            warnings.append(Warned(code="W_CODE_EXPIRED", params=params))
        return Resolved(agency=agency, warnings=tuple(warnings))

    def mailbox_meant(self, code: str, on: date) -> MailboxName:
        """The mailbox that serves the agency of a code that an operator entered.

        Raises:
            ConfigurationError: E_AGENCY_UNKNOWN, E_AGENCY_ENDED or E_AGENCY_UNCONNECTED.
        """
        try:
            return self.mailbox_of(self.resolve(code, on).agency.code, on)
        except DocumentError as error:
            # The same problem in other words: for an operator there is no receiver yet.
            told = _FOR_OPERATORS[error.problem.code]
            raise ConfigurationError(Problem(code=told, params=error.problem.params)) from error

    def named(self, code: str, on: date) -> Agency:
        """The agency that a code names, even an ended one. Raises E_AGENCY_UNKNOWN."""
        naming = self._naming(code, on)
        if naming is None:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=code)
        return self._agencies[naming.agency]

    def mailbox_of(self, code: AgencyCode, on: date) -> MailboxName:
        """The mailbox that serves an agency on a day.

        It is the agency's own mailbox, or that of its nearest connected ancestor. After the end of
        an agency, its successor takes its place. `code` is the agency's own code.

        Raises:
            DocumentError: E_RECEIVER_UNCONNECTED, or E_UNKNOWN_RECEIVER.
        """
        if code not in self._agencies:
            raise AxisError.of("E_UNKNOWN_RECEIVER", code=code)
        mailbox = self._serving(code, on)
        if mailbox is None:
            raise AxisError.of("E_RECEIVER_UNCONNECTED", code=code)
        return mailbox

    def owner_of(self, mailbox: MailboxName) -> Agency:
        """The owner of a mailbox. Raises E_AGENCY_UNKNOWN if it was removed."""
        owner = self._agencies.get(AgencyCode(mailbox))
        if owner is None:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=mailbox)
        return owner

    def mailbox_or_none(self, code: AgencyCode, on: date) -> MailboxName | None:
        """As `mailbox_of`; None when no mailbox serves the agency, or it is unknown."""
        return self._serving(code, on) if code in self._agencies else None

    def serve(self, code: AgencyCode, on: date) -> frozenset[MailboxName]:
        """Every mailbox that may contain messages to an agency.

        After a merger, that includes the former mailbox, whose messages are still delivered
        (decision record 0037).
        """
        found = {self._mailboxes.get(code), self.mailbox_or_none(code, on)}
        return frozenset(mailbox for mailbox in found if mailbox is not None)

    def recipient(self, code: str, on: date) -> Recipient:
        """Where a message for one receiver goes.

        Raises:
            DocumentError: E_UNKNOWN_RECEIVER, E_RECEIVER_EXPIRED, E_RECEIVER_UNCONNECTED or
                E_RECEIVER_SUSPENDED.
        """
        return self.address(code, self.resolve(code, on).agency, on)

    def name_of(self, code: AgencyCode) -> str | None:
        """The Vietnamese name of an agency; None when it is unknown."""
        agency = self._agencies.get(code)
        return None if agency is None else agency.name_vi

    def successor(self, code: AgencyCode, on: date) -> AgencyCode:
        """The agency that has replaced an agency by this day; without a merger, `code` itself."""
        naming = None if code in self._agencies else self._naming(code, on)
        agency = self._agencies.get(code if naming is None else naming.agency)
        while agency is not None and agency.merged_into and _before(agency.valid_to, on):
            agency = self._agencies[agency.merged_into]
        return agency.code if agency is not None else code

    def acts_for(self, actor: AgencyCode, agency: AgencyCode, on: date) -> bool:
        """Whether `actor` is the agency itself, its successor, or one of its ancestors.

        An agency that was merged may act for itself, but not for its successor.
        """
        today = self.successor(actor, on)
        ended = actor in self._agencies and today != actor
        above: AgencyCode | None = agency if ended else self.successor(agency, on)
        actor = actor if ended else today
        while above is not None and above != actor:
            known = self._agencies.get(above)
            above = known.parent if known is not None else None
        return above is not None

    def share_a_mailbox(self, one: AgencyCode, other: AgencyCode, on: date) -> bool:
        """Whether the same mailbox serves both agencies; true when they are the same."""
        boxes = [self.mailbox_or_none(self.successor(code, on), on) for code in (one, other)]
        return one == other or (boxes[0] is not None and boxes[0] == boxes[1])

    def named_in(self, document_id: str, on: date) -> AgencyCode | None:
        """The agency whose code a document id `code,date,number` begins with."""
        key = code_in(document_id)
        named = None if key is None else self._by_key.get(key)
        return None if named is None else self.successor(named, on)

    def may_send(self, mailbox: MailboxName, code: str, on: date) -> Resolved:
        """Check that a mailbox may send as `code`: the mailbox serves that agency.

        Raises:
            DocumentError: E_SENDER_UNKNOWN; or E_SENDER_SUSPENDED, when the agency or the owner of
                the mailbox is suspended.
        """
        try:
            resolved = self.resolve(code, on)
        except DocumentError as error:
            raise AxisError.of("E_SENDER_UNKNOWN", code=code, mailbox=mailbox) from error
        if self._serving(resolved.agency.code, on) != mailbox:
            raise AxisError.of("E_SENDER_UNKNOWN", code=code, mailbox=mailbox)
        if self._is_suspended(resolved.agency, mailbox):
            raise AxisError.of("E_SENDER_SUSPENDED", code=code)
        return resolved

    def may_report(self, mailbox: MailboxName, code: str, on: date) -> Resolved:
        """Check that a mailbox may send receipts and statuses as `code`.

        As `may_send`; but an agency that has ended may still answer, under its own name, what it
        received before.

        Raises:
            DocumentError: As `may_send`.
        """
        naming = self._naming(code, on)
        if naming is not None and self._mailboxes.get(naming.agency) == mailbox:
            agency = self._agencies[naming.agency]
            if _before(agency.valid_to, on):
                if self._is_suspended(agency, mailbox):
                    raise AxisError.of("E_SENDER_SUSPENDED", code=code)
                return Resolved(agency=agency)
        return self.may_send(mailbox, code, on)

    def address(self, code: str, agency: Agency, on: date) -> Recipient:
        """As `recipient`, when it is known that `code` names this agency."""
        mailbox = self.mailbox_of(agency.code, on)
        if self._is_suspended(agency, mailbox):
            raise AxisError.of("E_RECEIVER_SUSPENDED", code=code)
        named = None if code == agency.code else code
        return Recipient(agency=agency.code, mailbox=mailbox, named=named)

    def _naming(self, code: str, on: date) -> AgencyAlias | None:
        """Find what a code names on a day or named last; else look for the converted code."""
        for form in (code, from_qcvn102(code) or to_qcvn102(code)):
            # The periods of one code are sorted and do not overlap, so the last one that has begun
            # is valid, or expired most recently.
            for naming in reversed(self._names.get(form or "", ())):
                if naming.valid_from is None or naming.valid_from <= on:
                    return naming
        return None

    def _serving(self, code: AgencyCode, on: date) -> MailboxName | None:
        return self._find_mailbox(code, on) if self._merging else self._mailboxes[code]

    def _find_mailbox(self, code: AgencyCode, on: date | None) -> MailboxName | None:
        """Search from an agency upwards; mergers count up to the day `on`, None: not at all."""
        seen: set[AgencyCode] = set()
        at: AgencyCode | None = code
        # An agency may be merged into one of its own units: then the search runs in a circle.
        while at is not None and at not in seen:
            seen.add(at)
            agency = self._agencies[at]
            if on is not None and agency.merged_into and _before(agency.valid_to, on):
                at = agency.merged_into
            elif agency.connected:
                return MailboxName(agency.code)
            else:
                at = agency.parent
        return None

    def _is_suspended(self, agency: Agency, mailbox: MailboxName) -> bool:
        """Whether an agency is suspended, or the owner of the mailbox that serves it."""
        return agency.suspended or self._agencies[AgencyCode(mailbox)].suspended


_FOR_OPERATORS = {
    "E_UNKNOWN_RECEIVER": "E_AGENCY_UNKNOWN",
    "E_RECEIVER_EXPIRED": "E_AGENCY_ENDED",
    "E_RECEIVER_UNCONNECTED": "E_AGENCY_UNCONNECTED",
}


def _before(end: date | None, on: date) -> bool:
    return end is not None and end < on

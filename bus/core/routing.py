"""Routing: which agency a code names, which mailbox serves it, and who may send as whom.

Rules of the handbook, section 7. Shape never decides: a code routes because the directory holds it.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bus.core.directory_rules import check
from bus.core.reference import code_in, code_key
from bus.core.topology import mailboxes_by_word
from schemas.directory import Agency, AgencyAlias, Directory
from schemas.document import Organization
from schemas.envelope import Recipient
from schemas.identifiers import (
    AgencyCode,
    CodeScheme,
    MailboxName,
    from_qcvn102,
    scheme_of,
    to_qcvn102,
)
from schemas.problem import AxisError, ConfigurationError, DocumentError, Place, Problem, Warned


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The agency that a code names on a day."""

    agency: Agency
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """Where a message goes. A receiver that is refused does not hold up the others."""

    recipients: tuple[Recipient, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Warned, ...] = ()


class Routing:
    """A directory, made ready to answer in constant time.

    Raises:
        ConfigurationError: As `directory_rules.check`; the directory is inconsistent.
    """

    def __init__(self, directory: Directory) -> None:
        self._names = check(directory)
        self._agencies = {agency.code: agency for agency in directory.agencies}
        self._mailboxes = {code: self._nearest_mailbox(code) for code in self._agencies}
        # Where nobody has been merged, who serves whom is the same on every day.
        self._merging = any(a.valid_to and a.merged_into for a in directory.agencies)
        self._by_key = {code_key(code): namings[-1].agency for code, namings in self._names.items()}
        self.directory = directory
        self.mailboxes = tuple(
            MailboxName(agency.code) for agency in directory.agencies if agency.connected
        )

        self._mailbox_of_word = mailboxes_by_word(self.mailboxes)

    def mailbox_called(self, word: str) -> MailboxName | None:
        """The mailbox that a word of a routing key, queue or account stands for."""
        return self._mailbox_of_word.get(word)

    def resolve(self, code: str, on: date) -> Resolved:
        """Find the agency that `code` names on a day; also a suspended one.

        A code that the directory holds wins over the conversion between QCVN 102 and Decision 20,
        because units are re-numbered. An expired one leads to its successor.

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

    def meant(self, code: str, on: date) -> Agency:
        """The agency that an operator means by a code; as `resolve`, in an operator's words.

        Raises:
            ConfigurationError: E_AGENCY_UNKNOWN, or E_AGENCY_ENDED without a successor.
        """
        try:
            return self.resolve(code, on).agency
        except DocumentError as error:
            raise _for_operators(error) from error

    def mailbox_meant(self, code: str, on: date) -> MailboxName:
        """The mailbox that serves the agency that an operator means.

        Raises:
            ConfigurationError: As `meant`; or E_AGENCY_UNCONNECTED.
        """
        try:
            return self.mailbox_of(self.meant(code, on).code, on)
        except DocumentError as error:
            raise _for_operators(error) from error

    def named(self, code: str, on: date) -> Agency:
        """The agency that a code names, though it may have ended and have a successor.

        Raises:
            ConfigurationError: E_AGENCY_UNKNOWN.
        """
        naming = self._naming(code, on)
        if naming is None:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=code)
        return self._agencies[naming.agency]

    def mailbox_of(self, code: AgencyCode, on: date) -> MailboxName:
        """The mailbox that serves an agency on a day.

        Its own, or that of its nearest connected ancestor. From the day on which one of them is
        merged, its successor stands in its place.

        Args:
            code: The agency's own code, as `resolve` gives it.

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
        """The connected agency that owns a mailbox.

        Raises:
            ConfigurationError: E_AGENCY_UNKNOWN; it was taken out of the directory.
        """
        owner = self._agencies.get(AgencyCode(mailbox))
        if owner is None:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=mailbox)
        return owner

    def mailbox_or_none(self, code: AgencyCode, on: date) -> MailboxName | None:
        """The same as `mailbox_of`; None when nobody serves the agency, or it is unknown."""
        return self._serving(code, on) if code in self._agencies else None

    def serve(self, code: AgencyCode, on: date) -> frozenset[MailboxName]:
        """Every mailbox that may hold what is addressed to an agency.

        That which serves it, and, of one that was merged, that which served it before: what lies
        there is still handed over (decision record 0037).
        """
        found = {self._mailboxes.get(code), self.mailbox_or_none(code, on)}
        return frozenset(mailbox for mailbox in found if mailbox is not None)

    def recipient(self, code: str, on: date) -> Recipient:
        """Where a message for one receiver goes.

        Raises:
            DocumentError: E_UNKNOWN_RECEIVER, E_RECEIVER_EXPIRED, E_RECEIVER_UNCONNECTED or
                E_RECEIVER_SUSPENDED.
        """
        return self._address(code, self.resolve(code, on).agency, on)

    def name_of(self, code: AgencyCode) -> str | None:
        """The Vietnamese name of an agency; None when it is unknown."""
        agency = self._agencies.get(code)
        return None if agency is None else agency.name_vi

    def successor(self, code: AgencyCode, on: date) -> AgencyCode:
        """Who an agency is on a day: itself, or whoever it was merged into; itself if unknown."""
        naming = None if code in self._agencies else self._naming(code, on)
        agency = self._agencies.get(code if naming is None else naming.agency)
        while agency is not None and agency.merged_into and _before(agency.valid_to, on):
            agency = self._agencies[agency.merged_into]
        return agency.code if agency is not None else code

    def acts_for(self, actor: AgencyCode, agency: AgencyCode, on: date) -> bool:
        """Whether an agency is the other, its successor, or stands above it, as a hub does.

        One that was merged acts for what it was, and not for its successor.
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
        """Whether one connected system serves both; an agency shares with itself."""
        boxes = [self.mailbox_or_none(self.successor(code, on), on) for code in (one, other)]
        return one == other or (boxes[0] is not None and boxes[0] == boxes[1])

    def named_in(self, document_id: str, on: date) -> AgencyCode | None:
        """The agency whose code a document id begins with (handbook, section 6, form A)."""
        key = code_in(document_id)
        named = None if key is None else self._by_key.get(key)
        return None if named is None else self.successor(named, on)

    def route(self, receivers: Iterable[Organization], on: date) -> Routed:
        """Find the mailbox of every receiver. Only `organ_id` decides; a name is compared.

        A receiver named twice, also under two of its codes, gets the message once: real files do
        that, so it is a warning and no refusal.
        """
        recipients: dict[AgencyCode, Recipient] = {}
        problems: list[Problem] = []
        warnings: list[Warned] = []
        for index, receiver in enumerate(receivers):
            code, place = receiver.organ_id, Place(field=f"to_agencies.{index}.organ_id")
            try:
                resolved = self.resolve(code, on)
                recipient = self._address(code, resolved.agency, on)
            except DocumentError as error:
                problems.append(error.problem.model_copy(update={"place": place}))
                continue
            told = [*resolved.warnings, *_misnamed(receiver, resolved.agency)]
            if recipients.setdefault(recipient.agency, recipient) is not recipient:
                told.append(Warned(code="W_DUPLICATE_RECEIVER", params={"code": code}))
            warnings.extend(warned.model_copy(update={"place": place}) for warned in told)
        return Routed(
            recipients=tuple(recipients.values()),
            problems=tuple(problems),
            warnings=tuple(warnings),
        )

    def may_send(self, mailbox: MailboxName, code: str, on: date) -> Resolved:
        """Prove that a connected system may send as `code`: it serves that agency.

        Raises:
            DocumentError: E_SENDER_UNKNOWN; or E_SENDER_SUSPENDED, when the agency is suspended
                or the one that owns the mailbox is.
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
        """Prove that a connected system may answer and report as `code`.

        As `may_send`; and one that was merged still answers what it was sent before, under its own
        name.

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

    def _address(self, code: str, agency: Agency, on: date) -> Recipient:
        mailbox = self.mailbox_of(agency.code, on)
        if self._is_suspended(agency, mailbox):
            raise AxisError.of("E_RECEIVER_SUSPENDED", code=code)
        named = None if code == agency.code else code
        return Recipient(agency=agency.code, mailbox=mailbox, named=named)

    def _naming(self, code: str, on: date) -> AgencyAlias | None:
        """Whom a code names: now, else most recently; by itself, else converted."""
        for form in (code, from_qcvn102(code) or to_qcvn102(code)):
            # Namings of one code never overlap and are sorted: the last that has begun is the
            # one in force, or the one that expired most recently.
            for naming in reversed(self._names.get(form or "", ())):
                if naming.valid_from is None or naming.valid_from <= on:
                    return naming
        return None

    def _serving(self, code: AgencyCode, on: date) -> MailboxName | None:
        if not self._merging:
            return self._mailboxes[code]
        seen: set[AgencyCode] = set()
        at: AgencyCode | None = code
        # A successor may be below the one it succeeds: a circle ends with nobody.
        while at is not None and at not in seen:
            seen.add(at)
            agency = self._agencies[at]
            if _before(agency.valid_to, on) and agency.merged_into is not None:
                at = agency.merged_into
            elif agency.connected:
                return MailboxName(agency.code)
            else:
                at = agency.parent
        return None

    def _nearest_mailbox(self, code: AgencyCode) -> MailboxName | None:
        ancestor: AgencyCode | None = code
        while ancestor is not None:
            agency = self._agencies[ancestor]
            if agency.connected:
                return MailboxName(agency.code)
            ancestor = agency.parent
        return None

    def _is_suspended(self, agency: Agency, mailbox: MailboxName) -> bool:
        """A suspended connection takes everybody it serves with it."""
        return agency.suspended or self._agencies[AgencyCode(mailbox)].suspended


_FOR_OPERATORS = {
    "E_UNKNOWN_RECEIVER": "E_AGENCY_UNKNOWN",
    "E_RECEIVER_EXPIRED": "E_AGENCY_ENDED",
    "E_RECEIVER_UNCONNECTED": "E_AGENCY_UNCONNECTED",
}


def _for_operators(error: DocumentError) -> ConfigurationError:
    """The same, told to who typed the code: an agency is no receiver before anything is sent."""
    code, params = _FOR_OPERATORS[error.problem.code], error.problem.params
    return ConfigurationError(Problem(code=code, params=params))


def _before(end: date | None, on: date) -> bool:
    return end is not None and end < on


def _misnamed(receiver: Organization, agency: Agency) -> tuple[Warned, ...]:
    known = {_comparable(name) for name in (agency.name_vi, agency.name_en) if name}
    if receiver.name is None or _comparable(receiver.name) in known:
        return ()
    params = {"code": receiver.organ_id, "known": agency.name_vi, "named": receiver.name}
    return (Warned(code="W_NAME_MISMATCH", params=params),)


def _comparable(name: str) -> str:
    """Names are compared in NFC (handbook 2.6), without case and repeated blanks."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())

"""Receivers: find the recipient for every receiver that a document names."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bus.core.routing import Routing
from schemas.directory import Agency
from schemas.document import Organization
from schemas.envelope import Recipient
from schemas.identifiers import AgencyCode
from schemas.problem import DocumentError, Place, Problem, Warned


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """The recipients of a message, and why other receivers get nothing."""

    recipients: tuple[Recipient, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Warned, ...] = ()


def route(routing: Routing, receivers: Iterable[Organization], on: date) -> Routed:
    """Find the mailbox of every receiver by its `organ_id`; a different name is a warning.

    A receiver that occurs twice, perhaps under two codes, gets the message once. Real files contain
    this, so it is only a warning.
    """
    recipients: dict[AgencyCode, Recipient] = {}
    problems: list[Problem] = []
    warnings: list[Warned] = []
    for index, receiver in enumerate(receivers):
        code, place = receiver.organ_id, Place(field=f"to_agencies.{index}.organ_id")
        try:
            resolved = routing.resolve(code, on)
            recipient = routing.address(code, resolved.agency, on)
        except DocumentError as error:
            problems.append(error.problem.model_copy(update={"place": place}))
            continue
        found = [*resolved.warnings, *_misnamed(receiver, resolved.agency)]
        if recipients.setdefault(recipient.agency, recipient) is not recipient:
            found.append(Warned(code="W_DUPLICATE_RECEIVER", params={"code": code}))
        warnings.extend(warned.model_copy(update={"place": place}) for warned in found)
    return Routed(
        recipients=tuple(recipients.values()), problems=tuple(problems), warnings=tuple(warnings)
    )


def _misnamed(receiver: Organization, agency: Agency) -> tuple[Warned, ...]:
    known = {_comparable(name) for name in (agency.name_vi, agency.name_en) if name}
    if receiver.name is None or _comparable(receiver.name) in known:
        return ()
    params = {"code": receiver.organ_id, "known": agency.name_vi, "named": receiver.name}
    return (Warned(code="W_NAME_MISMATCH", params=params),)


def _comparable(name: str) -> str:
    """Names are compared in NFC, without case and repeated blanks."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())

"""The directory of agencies: their codes, their parents, and which of them have a mailbox."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.codes import FormatName
from schemas.document import NonEmpty
from schemas.identifiers import AgencyCode, CodeScheme, MailboxName
from schemas.value import Value


class AgencyKind(StrEnum):
    """The kind of an agency."""

    PARTY = "party"
    MINISTRY = "ministry"
    PROVINCE = "province"
    UNIT = "unit"
    HUB = "hub"


class Confidence(StrEnum):
    """How certain a code of the seed list is; administrators see it."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


FOLDER_ENDPOINT = "folder"
"""The default endpoint."""


class Agency(Value):
    """An agency.

    Attributes:
        connected: It has its own mailbox; otherwise its nearest connected ancestor serves it.
        format: The format that its system reads. It may send any installed format.
        endpoint: The name of the installed endpoint that connects its system.
        suspended: It can neither send nor receive until it is resumed.
        merged_into: Its successor, which gets the documents after `valid_to`.
        seals: Its mailbox seals every document; unsealed documents from it are refused.
        certificates: The only certificates that may sign for its mailbox, by thumbprint
            (`x5t#S256`); empty: all stored certificates.
    """

    code: Annotated[AgencyCode, Field(min_length=1, max_length=64)]
    name_vi: NonEmpty
    name_en: str | None = None
    kind: AgencyKind = AgencyKind.UNIT
    parent: AgencyCode | None = None
    connected: bool = False
    format: str = FormatName.EDXML
    endpoint: str = FOLDER_ENDPOINT
    suspended: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    merged_into: AgencyCode | None = None
    seals: bool = False
    certificates: tuple[Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{43}$")], ...] = ()
    confidence: Confidence = Confidence.CERTAIN


class AgencyAlias(Value):
    """Another code of an agency. The periods of one code must not overlap."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    scheme: CodeScheme
    agency: AgencyCode
    valid_from: date | None = None
    valid_to: date | None = None


class Directory(Value):
    """All agencies and aliases; `version` grows by one with every change."""

    version: Annotated[int, Field(ge=1)] = 1
    agencies: tuple[Agency, ...] = ()
    aliases: tuple[AgencyAlias, ...] = ()


class Recipient(Value):
    """An addressed agency, and the mailbox that serves it.

    `named` is the code in the document, if it is another one. Answers use this code, because the
    sender's system knows it.
    """

    agency: AgencyCode
    mailbox: MailboxName
    named: str | None = None

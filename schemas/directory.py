"""Directory: who exists, under which codes, and which mailbox serves whom. A versioned snapshot."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.codes import FormatName
from schemas.document import NonEmpty
from schemas.identifiers import AgencyCode, CodeScheme
from schemas.value import Value


class AgencyKind(StrEnum):
    """What sort of body an agency is."""

    PARTY = "party"
    MINISTRY = "ministry"
    PROVINCE = "province"
    UNIT = "unit"
    HUB = "hub"


class Confidence(StrEnum):
    """How sure we are of a seeded code; shown to administrators."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


FOLDER_ENDPOINT = "folder"
"""The endpoint of an agency of which nothing else is said."""


class Agency(Value):
    """A body with a code.

    Attributes:
        connected: It has a mailbox of its own; otherwise its nearest connected ancestor serves it.
        format: The wire format that its system reads; it may send any that is installed.
        endpoint: How its system is reached; the name of an installed endpoint.
        suspended: It may neither send nor be sent to, until resumed.
        merged_into: Where documents for an expired code go.
        seals: Its mailbox seals every document it sends, and unsealed ones from it are refused.
        certificates: Thumbprints (`x5t#S256`) of those that speak for its mailbox, and no others;
            empty: whichever are filed.
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
    """Another code of an agency. Aliases of one code may not overlap in time."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    scheme: CodeScheme
    agency: AgencyCode
    valid_from: date | None = None
    valid_to: date | None = None


class Directory(Value):
    """A snapshot; `version` grows by one with every change."""

    version: Annotated[int, Field(ge=1)] = 1
    agencies: tuple[Agency, ...] = ()
    aliases: tuple[AgencyAlias, ...] = ()

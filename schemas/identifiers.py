"""Identifiers that must not be mixed up, and the shapes of agency codes.

Which agency a code belongs to is not decided here: shape never decides routing, the directory does.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, NewType

from pydantic import StringConstraints

AgencyCode = NewType("AgencyCode", str)
"""Canonical code of an agency, in the form of Decision 20/2020/QĐ-TTg (`H53.31.20`) or opaque."""

MailboxName = NewType("MailboxName", str)
"""Code of the connected agency that owns the mailbox."""

EnvelopeId = NewType("EnvelopeId", str)
DeliveryId = NewType("DeliveryId", str)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest, lower-case hexadecimal."""

MAX_CODE_LENGTH = 64

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_OWN_CODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_QCVN_FULL = re.compile(r"^[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Y][0-9]{2}\Z")
_QCVN_SHORT = re.compile(r"^([0-9]{2,3}\.)?([0-9]{2}\.)?[0-9]{2}\.[A-Z][0-9]{2}\Z")
_DECISION_20 = re.compile(r"^[A-Y][0-9]{2}(\.[0-9A-Z]+)*\Z")


_CONVERTIBLE = re.compile(r"([A-Y][0-9]{2})(?:\.([0-9]{2}))?(?:\.([0-9]{2}))?(?:\.([0-9]{3}))?")


class CodeScheme(StrEnum):
    """How a code is built."""

    QCVN_102 = "qcvn102"
    DECISION_20 = "decision20"
    OPAQUE = "opaque"


def is_agency_code(code: str) -> bool:
    """Whether an agency may have a code for its own: it names queues, accounts and folders.

    Other codes of the handbook's section 7.1, of whatever characters, are aliases.
    """
    return len(code) <= MAX_CODE_LENGTH and _OWN_CODE.fullmatch(code) is not None


def has_unseen(text: str) -> bool:
    """Whether a text holds characters that nobody sees, or that a terminal obeys."""
    return any(unicodedata.category(char) in _UNSEEN for char in text)


def shown(code: str) -> str:
    """A code for people, so that blanks at its ends and unseen characters are seen."""
    return code if code and code == code.strip() and not has_unseen(code) else ascii(code)


def scheme_of(code: str) -> CodeScheme:
    """Name the scheme whose shape a code has; `OPAQUE` when it has none."""
    if _DECISION_20.match(code) and len(code) <= 35:
        return CodeScheme.DECISION_20
    if _QCVN_FULL.match(code) or _QCVN_SHORT.match(code):
        return CodeScheme.QCVN_102
    return CodeScheme.OPAQUE


def from_qcvn102(code: str) -> str | None:
    """Convert `000.31.20.H53`-like codes to the form of Decision 20, `H53.20.31`.

    The groups are reversed and trailing zero groups cut (handbook 7.2). Only a default: an alias
    of the directory wins. None when the shape is not that of QCVN 102.
    """
    if not (_QCVN_FULL.match(code) or _QCVN_SHORT.match(code)):
        return None
    groups = code.split(".")[::-1]
    while len(groups) > 1 and not groups[-1].strip("0"):
        groups.pop()
    return ".".join(groups)


def to_qcvn102(code: str) -> str | None:
    """Convert `H53.20.31` to `000.31.20.H53`; None where no conversion is defined.

    Levels 2, 3 and 4 have 2, 2 and 3 digits; letters, other widths and more levels need an alias.
    """
    match = re.fullmatch(
        r"([A-Y][0-9]{2})(?:\.([0-9]{2}))?(?:\.([0-9]{2}))?(?:\.([0-9]{3}))?", code
    )
    if match is None:
        return None
    first, second, third, fourth = match.groups()
    return f"{fourth or '000'}.{third or '00'}.{second or '00'}.{first}"

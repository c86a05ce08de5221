"""Types of identifiers, and the forms of agency codes.

The form of a code never decides to which agency it belongs; only the directory does.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, NewType

from pydantic import StringConstraints

from schemas.safe_text import INVISIBLE

AgencyCode = NewType("AgencyCode", str)
"""An agency's own code, in the form of Decision 20/2020/QĐ-TTg (`H53.31.20`) or any other."""

MailboxName = NewType("MailboxName", str)
"""The code of the connected agency that owns the mailbox."""

EnvelopeId = NewType("EnvelopeId", str)
DeliveryId = NewType("DeliveryId", str)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest, lower-case hexadecimal."""

MAX_CODE_LENGTH = 64

_OWN_CODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_QCVN_FULL = re.compile(r"^[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Y][0-9]{2}\Z")
_QCVN_SHORT = re.compile(r"^([0-9]{2,3}\.)?([0-9]{2}\.)?[0-9]{2}\.[A-Z][0-9]{2}\Z")
_DECISION_20 = re.compile(r"^[A-Y][0-9]{2}(\.[0-9A-Z]+)*\Z")
_CONVERTIBLE = re.compile(r"([A-Y][0-9]{2})(?:\.([0-9]{2}))?(?:\.([0-9]{2}))?(?:\.([0-9]{3}))?")


class CodeScheme(StrEnum):
    """The scheme of a code."""

    QCVN_102 = "qcvn102"
    DECISION_20 = "decision20"
    OPAQUE = "opaque"


def is_agency_code(code: str) -> bool:
    """Whether a code can be an agency's own code, which names queues, accounts and folders.

    Other codes can only be aliases.
    """
    return len(code) <= MAX_CODE_LENGTH and _OWN_CODE.fullmatch(code) is not None


def has_unseen(text: str) -> bool:
    """Whether a text contains invisible characters."""
    return any(unicodedata.category(char) in INVISIBLE for char in text)


def shown(code: str) -> str:
    """A code for people, in which blanks at the ends and invisible characters are visible."""
    return code if code and code == code.strip() and not has_unseen(code) else ascii(code)


def scheme_of(code: str) -> CodeScheme:
    """The scheme of a code by its form; `OPAQUE` for other forms."""
    if _DECISION_20.match(code) and len(code) <= 35:
        return CodeScheme.DECISION_20
    if _QCVN_FULL.match(code) or _QCVN_SHORT.match(code):
        return CodeScheme.QCVN_102
    return CodeScheme.OPAQUE


def from_qcvn102(code: str) -> str | None:
    """Convert `000.31.20.H53`-like codes to the form of Decision 20, `H53.20.31`.

    The groups are reversed, and trailing groups of zeros are removed. An alias in
    the directory takes precedence. None for codes that do not have the form of QCVN 102.
    """
    if not (_QCVN_FULL.match(code) or _QCVN_SHORT.match(code)):
        return None
    groups = code.split(".")[::-1]
    while len(groups) > 1 and not groups[-1].strip("0"):
        groups.pop()
    return ".".join(groups)


def to_qcvn102(code: str) -> str | None:
    """Convert `H53.20.31` to `000.31.20.H53`; None when no conversion is defined.

    Levels 2, 3 and 4 have 2, 2 and 3 digits. Codes with letters, other lengths or more levels need
    an alias.
    """
    match = _CONVERTIBLE.fullmatch(code)
    if match is None:
        return None
    first, second, third, fourth = match.groups()
    return f"{fourth or '000'}.{third or '00'}.{second or '00'}.{first}"

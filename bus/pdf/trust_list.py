"""Trust list: the authorities whose signatures count, as certificates in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.certificate import UnreadableError, certificates_in
from schemas.problem import AxisError, Problem
from schemas.term import Coded, of_os, term

PATTERN = "*.pem"
_MOST_FILE_BYTES = 16 * 1024 * 1024
"""The certificates of all authorities of a country, in one file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustList:
    """Whose signatures count.

    Attributes:
        anchors: Certificates, DER, each a trust anchor of signers and time stamps.
        set_aside: E_TRUST_LIST for each file that cannot be read; the others count.
    """

    anchors: tuple[bytes, ...]
    set_aside: tuple[Problem, ...] = ()


def read_trust_list(folder: Path) -> TrustList:
    """Every certificate of `folder/*.pem`.

    Raises:
        ConfigurationError: E_TRUST_LIST (there is no certificate that can be read) or
            E_EXTRA_MISSING (pyHanko is not installed).
    """
    if find_spec("pyhanko") is None:
        raise AxisError.of("E_EXTRA_MISSING", extra="pdf", setting="LIENTHONG_TRUST_LIST")
    try:
        files = sorted(folder.glob(PATTERN))
    except OSError as error:
        raise _unusable(folder, of_os(error)) from error
    anchors: list[bytes] = []
    wrong: list[AxisError] = []
    for file in files:
        try:
            anchors += _certificates(file)
        except AxisError as error:
            wrong.append(error)
    if not anchors:
        raise wrong[0] if wrong else _unusable(folder, term("trust_list_empty", pattern=PATTERN))
    return TrustList(
        anchors=tuple(dict.fromkeys(anchors)), set_aside=tuple(error.problem for error in wrong)
    )


def _certificates(file: Path) -> Sequence[bytes]:
    try:
        if not file.is_file():
            raise _unusable(file, term("no_regular_file"))
        with file.open("rb") as opened:
            found = certificates_in(opened.read(_MOST_FILE_BYTES + 1), most=_MOST_FILE_BYTES)
    except OSError as error:
        raise _unusable(file, of_os(error)) from error
    except UnreadableError as error:
        raise _unusable(file, error.cause) from error
    return [certificate.public_bytes(Encoding.DER) for certificate in found]


def _unusable(path: Path, cause: Coded) -> AxisError:
    return AxisError.of("E_TRUST_LIST", path=path, cause=cause)

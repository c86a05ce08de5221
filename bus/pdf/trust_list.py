"""Trust list: the authorities whose signatures count, as certificates in a folder."""

from importlib.util import find_spec
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from schemas.problem import AxisError
from schemas.term import Coded, of_os, term

PATTERN = "*.pem"


def read_trust_list(folder: Path) -> tuple[bytes, ...]:
    """Every certificate of `folder/*.pem`, DER, each a trust anchor of signers and time stamps.

    Raises:
        ConfigurationError: E_TRUST_LIST (nothing there, or a file that holds no certificate) or
            E_EXTRA_MISSING (pyHanko is not installed).
    """
    if find_spec("pyhanko") is None:
        raise AxisError.of("E_EXTRA_MISSING", extra="pdf", setting="LIENTHONG_TRUST_LIST")
    try:
        files = sorted(folder.glob(PATTERN))
        certificates = [
            certificate.public_bytes(Encoding.DER)
            for file in files
            for certificate in _certificates(file)
        ]
    except OSError as error:
        raise _unusable(folder, of_os(error)) from error
    if not certificates:
        raise _unusable(folder, term("trust_list_empty", pattern=PATTERN))
    return tuple(dict.fromkeys(certificates))


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError as error:
        raise _unusable(file, term("trust_list_no_pem")) from error


def _unusable(path: Path, cause: Coded) -> AxisError:
    return AxisError.of("E_TRUST_LIST", path=path, cause=cause)

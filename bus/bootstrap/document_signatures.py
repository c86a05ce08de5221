"""Document signatures: builds what checks signed PDFs, and what signs edXML packets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.formats.edxml.signing import HeaderSigner
from bus.bootstrap.process import now
from bus.core.keyring import thumbprint_of
from bus.core.signing import SigningKey
from bus.home.layout import Home
from bus.keys.folder import KeyFolder
from bus.pdf.checker import ProcessPdfChecker
from bus.pdf.trust_list import PATTERN, read_trust_list
from bus.ports import PdfChecker
from bus.settings import Settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, Problem
from schemas.term import term


def trust_list_of(settings: Settings) -> Path | None:
    """The folder of the trust list: the one that is set, or the home's unless it is empty."""
    if settings.trust_list is not None:
        return settings.trust_list
    ours = Home(settings.home).trust_list
    return ours if any(ours.glob(PATTERN)) else None


@asynccontextmanager
async def pdf_checker(
    settings: Settings, *, refused: Callable[[Problem], None]
) -> AsyncIterator[PdfChecker | None]:
    """Check signed PDFs as long as the block runs; None without a trust list.

    Args:
        refused: Called with the problem of each file of the trust list that is ignored.

    Raises:
        ConfigurationError: The trust list cannot be used.
    """
    folder = trust_list_of(settings)
    if folder is None:
        yield None
        return
    trusted = await asyncio.to_thread(read_trust_list, folder)
    for problem in trusted.set_aside:
        refused(problem)
    checker = ProcessPdfChecker(anchors=trusted.anchors, clock=now)
    try:
        yield checker
    finally:
        await checker.close()


def header_signer(key: SigningKey, mailbox: MailboxName, *, keys: Path) -> HeaderSigner:
    """The key and certificate with which a mailbox signs the header of edXML packets.

    Raises:
        ConfigurationError: E_SETTING: the key is not an RSA key, or it is in a token. E_KEYS: its
            certificate can no longer be read.
    """
    if not isinstance(key.private_key, RSAPrivateKey):
        code = "rsa_due_token" if key.is_in_token else "rsa_due"
        cause = term(code, mailbox=mailbox, algorithm=key.algorithm)
        raise AxisError.of("E_SETTING", name="LIENTHONG_SIGN_EDXML", cause=cause)
    for filed in KeyFolder(keys).filed_under(mailbox):
        with suppress(ConfigurationError):  # an ignored file is not the key's
            certificate = filed.certificate()
            if thumbprint_of(certificate) == key.thumbprint:
                return HeaderSigner(private_key=key.private_key, certificate=certificate)
    raise AxisError.of("E_KEYS", agency=mailbox, cause=term("certificate_gone"))

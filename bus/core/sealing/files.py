"""Store the files of a sealed document encrypted, and read them decrypted."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource
from bus.core.sealing.envelope import OpenFile
from bus.core.sealing.stream import opened, sealed_chunks
from bus.core.stream import chunks_of, keep_chunks
from schemas.problem import AxisError
from schemas.sealing import SealedFile


def keep_sealed(file: BinaryIO, sink: AttachmentSink, *, key: bytes) -> SealedFile:
    """Encrypt and store the rest of a file; after an error nothing of it is left."""
    kept = keep_chunks(sealed_chunks(chunks_of(file), key), sink)
    return SealedFile(size=kept.size, sha256=kept.sha256)


def open_file(files: Mapping[str, OpenFile], sha256: str) -> OpenFile:
    """How a file of a sealed document is read. Raises `DocumentError` E_ATTACHMENT_ABSENT."""
    if sha256 not in files:
        # Nothing of a sealed document may be told, not even a digest.
        raise AxisError.of("E_ATTACHMENT_ABSENT", name="?", sha256="?")
    return files[sha256]


class OpenedFiles:
    """The files of an opened document as an `AttachmentSource`, decrypted while they are read."""

    def __init__(self, store: AttachmentSource, files: Mapping[str, OpenFile]) -> None:
        self._store = store
        self._files = files

    def open(self, sha256: str) -> BinaryIO:
        """Open a file by the digest of its content, which is checked at the end of the file.

        Raises:
            TransportError: E_ATTACHMENT_AWAY.
            DocumentError: E_ATTACHMENT_ABSENT: the sealed document contains no such file; while
                reading E_SEAL_BROKEN, E_ATTACHMENT_DIGEST.
        """
        file = open_file(self._files, sha256)
        with ExitStack() as held:
            ciphertext = held.enter_context(self._store.open(file.sealed))
            reader = opened(ciphertext, file.key, digest=sha256)
            held.pop_all()
        return reader

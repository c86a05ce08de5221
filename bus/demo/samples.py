"""Sample files: the attachments of invented documents, in memory; `bus.demo.pdf` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from schemas.problem import AxisError


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleFile:
    """A file of the pool. `stem` is its name without extension."""

    stem: str
    pages: int
    content: bytes
    sha256: str


class FilePool:
    """The files that a run attaches: an `AttachmentSource` in memory."""

    def __init__(self, samples: Sequence[SampleFile]) -> None:
        self.samples = tuple(samples)
        self._content = {sample.sha256: sample.content for sample in samples}

    def open(self, sha256: str) -> BytesIO:
        """Open a file of the pool. Raises `TransportError` E_ATTACHMENT_AWAY."""
        content = self._content.get(sha256)
        if content is None:
            raise AxisError.of("E_ATTACHMENT_AWAY", name="", sha256=sha256)
        return BytesIO(content)

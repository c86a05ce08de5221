"""Reader: read one edXML packet into a canonical message; each repair becomes a warning."""

import io
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from adapters.contract import AttachmentSink, Limits
from adapters.formats.edxml.attachments import AttachmentReader
from adapters.formats.edxml.document import read_document
from adapters.formats.edxml.fields import Fields
from adapters.formats.edxml.names import ROOT, is_signature
from adapters.formats.edxml.node import Node
from adapters.formats.edxml.signature import (
    MOST_ATTRIBUTES,
    UnverifiableError,
    read_signature,
    verify_signature,
)
from adapters.formats.edxml.status import is_status, read_status
from adapters.formats.edxml.tree import TreeBuilder
from adapters.formats.edxml.writer import unwritten
from adapters.formats.findings import Findings
from adapters.formats.judgement import judge_document, judge_status
from schemas.document import Document
from schemas.problem import DocumentError, Place
from schemas.reading import (
    ABSENT,
    Reading,
    SignatureCheck,
    SignatureOutcome,
    unverifiable,
    with_reason,
)
from schemas.status import StatusReport
from schemas.term import term


class PacketReader:
    """Reads one packet, once."""

    def __init__(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> None:
        self._source = source
        self._limits = limits
        self._today = today
        self._size = source.seek(0, io.SEEK_END)
        self._findings = Findings(limits)
        self._opened: list[Fields] = []
        self._attachments = AttachmentReader(sink, self._findings, limits, self._opened)
        self._tree = TreeBuilder(source, contents=self._attachments, limits=limits)

    def read(self) -> Reading:
        """Read the packet. If it is refused, no open file stays in the sink.

        Raises:
            DocumentError: The packet is refused.
        """
        if self._size > self._limits.max_packet_bytes:
            raise DocumentError.of(
                "E_TOO_LARGE", size=self._size, limit=self._limits.max_packet_bytes
            )
        self._source.seek(0)
        try:
            return self._read()
        except BaseException:
            self._attachments.discard()
            raise

    def _read(self) -> Reading:
        root = Fields(self._tree.build(), ROOT, self._findings, self._opened)
        self._tell_repairs()
        envelope = _due(root, "edXMLEnvelope", path="edXMLEnvelope")
        header = _due(envelope, "edXMLHeader", path="edXMLHeader")
        message = _due(header, "MessageHeader", path="")
        signatures = list(_take_signatures(header))
        elsewhere = list(_take_signatures(root, envelope))
        read: Document | StatusReport
        if is_status(message):
            read = read_status(message)
            judge_status(read, self._findings)
            self._attachments.discard()
        else:
            read = read_document(message, header.group("TraceHeaderList", path="TraceHeaderList"))
            judge_document(read, self._findings, today=self._today)
            self._take_attachments(root, envelope)
            attachments = self._attachments.attachments()
            read = read.model_copy(update={"attachments": attachments})
        for fields in self._opened:
            fields.left_over()
        read = read.model_copy(update={"raw": self._findings.raw})
        if read.raw:
            self._findings.not_written(unwritten(read))
        hops = len(read.hops) if isinstance(read, Document) else 0
        signature = self._check_signature(signatures, elsewhere, hops=hops)
        return Reading(
            message=read,
            warnings=self._findings.warnings,
            signature=signature,
            repaired=self._tree.declared_xlink or self._tree.prolog.junk > 0,
        )

    def _tell_repairs(self) -> None:
        prolog = self._tree.prolog
        if prolog.has_bom:
            self._findings.warn("W_BOM")
        if prolog.junk:
            self._findings.warn("W_LEADING_JUNK", count=prolog.junk)
        if self._tree.declared_xlink:
            self._findings.warn("W_XLINK_UNDECLARED")

    def _take_attachments(self, root: Fields, envelope: Fields) -> None:
        """Remove the elements that the attachment reader has read already, wherever they are."""
        envelope.group("edXMLBody", path="edXMLBody").group("edXMLManifest").node.take_all(
            "Reference"
        )
        for fields in (root, envelope):
            for encoded in fields.groups("AttachmentEncoded"):
                if fields is envelope:
                    # A widely used program does not find attachments there.
                    self._findings.doubt = self._findings.doubt or encoded.path
                encoded.node.take_all("Attachment")

    def _check_signature(
        self, nodes: list[Node], elsewhere: list[Node], *, hops: int
    ) -> SignatureCheck:
        """What the signature in the header proves about the message that was read.

        Verification removes the signature from the packet before it digests the rest. So the
        signature must be where nothing is read from: in any other element it could contain text
        that is shown but not signed.
        """
        misplaced = [node for node in self._tree.signatures if node not in nodes]
        nodes += [node for node in elsewhere + misplaced if node not in nodes]
        if any(_holds_token(node) for node in nodes):
            self._findings.warn("W_SIGNATURE_TOKEN")
        # An empty element means the same as an absent one.
        if not misplaced and not any(node.children for node in nodes):
            return SignatureCheck(outcome=SignatureOutcome.UNVERIFIABLE, reason=ABSENT)
        try:
            check = self._verify(misplaced)
        except UnverifiableError as error:
            self._findings.warn(
                "W_SIGNATURE_UNVERIFIABLE",
                line=nodes[0].line,
                field="Signature",
                cause=error.reason,
            )
            return unverifiable(error.reason)
        if check.outcome is SignatureOutcome.INVALID:
            if hops > 1:
                check = with_reason(check, term("hops_after", why=check.why, hops=hops))
            self._findings.warn(
                "W_SIGNATURE_INVALID", line=nodes[0].line, field="Signature", cause=check.why
            )
        return check

    def _verify(self, misplaced: list[Node]) -> SignatureCheck:
        if not self._tree.signatures:
            raise UnverifiableError(term("signature_namespace"))
        if len(self._tree.signatures) > 1:
            raise UnverifiableError(term("signature_several"))
        if misplaced:
            raise UnverifiableError(term("signature_misplaced"))
        signature = read_signature(self._tree.signatures[0])
        if signature.weak:
            self._findings.warn("W_SIGNATURE_WEAK", field="Signature")
        limit = self._limits.max_signature_packet_bytes
        if self._size > limit:
            raise UnverifiableError(term("packet_larger", limit=limit))
        if self._tree.declared_xlink:
            raise UnverifiableError(term("prefix_undeclared"))
        if self._tree.most_attributes > MOST_ATTRIBUTES:
            raise UnverifiableError(term("many_attributes", limit=MOST_ATTRIBUTES))
        self._source.seek(self._tree.prolog.skipped)
        check = verify_signature(signature, self._source.read())
        if check.outcome is SignatureOutcome.VERIFIED and (doubt := self._findings.doubt):
            # The recipient would get the original, which its program might read differently.
            raise UnverifiableError(term("readers_differ", element=doubt))
        return check


def _due(parent: Fields, name: str, *, path: str) -> Fields:
    fields = parent.group(name, path=path)
    if not fields.present:
        raise DocumentError.of("E_STRUCTURE", place=Place(line=parent.line), element=name)
    return fields


def _take_signatures(*containers: Fields) -> Iterator[Node]:
    """Remove every signature, also in the wrong namespace or as `DigitalSignature`.

    Their contents are never kept as raw values: they may contain an agency's access token.
    """
    for fields in containers:
        for name in filter(is_signature, tuple(fields.node.children)):
            yield from fields.node.take_all(name)


def _holds_token(node: Node) -> bool:
    return any(
        "token" in name.casefold() or any(map(_holds_token, children))
        for name, children in node.children.items()
    )

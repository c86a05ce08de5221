"""Tree: read the elements of a packet with a streaming parser, within limits.

Contents of attachments are passed on and not kept in the tree. Namespaces are resolved here and not
by expat, so that an undeclared `xlink:` can be accepted and any other prefix be named in the error.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol
from xml.parsers import expat

from adapters.contract import Limits
from adapters.formats.edxml.names import (
    FRAME,
    OLD_NAMESPACES,
    QCVN,
    ROOT,
    SIGNATURE,
    XLINK,
    XML,
)
from adapters.formats.edxml.node import Node
from adapters.formats.edxml.prolog import HEAD_BYTES, Prolog, read_prolog
from adapters.formats.findings import refuse_state_secret
from adapters.formats.text import BLANKS
from schemas.limits import MAX_NAMESPACE_PREFIXES, MAX_TOKEN_BYTES
from schemas.problem import AxisError, DocumentError, Place
from schemas.term import Coded, Term, foreign, term

_WATCHED = frozenset({"ContentTransferEncoded", SIGNATURE})

_CHUNK = 256 * 1024
_TEXT_BUFFER = 64 * 1024  # a larger one costs a small packet 100 µs of page faults
_MAX_TEXTS = 16
"""All texts together may be this many times as long as the longest text may be."""
_INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]


_CAUSES = {
    expat.errors.codes[said]: code
    for said, code in (
        (expat.errors.XML_ERROR_SYNTAX, "xml_syntax"),
        (expat.errors.XML_ERROR_NO_ELEMENTS, "xml_no_element"),
        (expat.errors.XML_ERROR_INVALID_TOKEN, "xml_token"),
        (expat.errors.XML_ERROR_UNCLOSED_TOKEN, "xml_unclosed_token"),
        (expat.errors.XML_ERROR_PARTIAL_CHAR, "xml_partial_char"),
        (expat.errors.XML_ERROR_TAG_MISMATCH, "xml_mismatched_tag"),
        (expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE, "xml_duplicate_attribute"),
        (expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT, "xml_after_document"),
        (expat.errors.XML_ERROR_UNDEFINED_ENTITY, "xml_entity"),
        (expat.errors.XML_ERROR_BAD_CHAR_REF, "xml_character_reference"),
        (expat.errors.XML_ERROR_UNKNOWN_ENCODING, "xml_encoding"),
        (expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION, "xml_cdata"),
        (expat.errors.XML_ERROR_MISPLACED_XML_PI, "xml_declaration"),
        (expat.errors.XML_ERROR_XML_DECL, "xml_declaration"),
    )
}
"""Our terms for the errors of expat."""


class Contents(Protocol):
    """Receives the contents of attachments while the packet is parsed."""

    def begin(self, attachment: Node, line: int) -> Callable[[str], None]:
        """The content of an attachment begins; call the returned function with each piece of it."""

    def end(self) -> None:
        """The content ended."""

    def broken(self, line: int) -> AxisError:
        """The error for a content that contains an element."""

    def close(self, attachment: Node) -> None:
        """The attachment ended: all its children are known."""

    def reference(self, reference: Node) -> None:
        """An entry of the manifest ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """The prefixes that are declared at a depth, and which of them mean the QCVN namespace."""

    depth: int
    prefixes: dict[str, str]
    ours: set[str] = field(default_factory=set)


class TreeBuilder:
    """Reads one packet into a tree."""

    def __init__(self, source: BinaryIO, *, contents: Contents, limits: Limits) -> None:
        self._source = source
        self._contents = contents
        self._limits = limits
        self._max_depth = limits.max_depth
        self._max_elements = limits.max_elements
        self.prolog = Prolog(skipped=0, junk=0, lines=0, columns=0)
        self.declared_xlink = False
        """Whether the packet uses `xlink:` without declaring it."""
        self.signatures: list[Node] = []
        """All `Signature` elements in the XMLDSig namespace, at any place."""
        self.most_attributes = 0
        """The largest number of attributes of one element, namespace declarations included."""
        self._parser = parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.buffer_size = _TEXT_BUFFER
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        self._stack = [Node("", 0)]
        self._texts: list[str] = []
        parser.CharacterDataHandler = self._texts.append
        self._all_length = 0
        self._elements = 0
        self._signature_depth = 0
        self._content_depth = 0
        self._scopes = [_Scope(depth=0, prefixes={"xml": XML})]

    def build(self) -> Node:
        """Read to the end and return the root element.

        Raises:
            DocumentError: The packet is not well formed, not edXML, or beyond a limit.
        """
        head = self._source.read(HEAD_BYTES)
        self.prolog = prolog = read_prolog(head)
        chunk = head[prolog.skipped :]
        fed = 0
        try:
            # With the end flag, expat does not count the lines of the last chunk again.
            while following := self._source.read(_CHUNK):
                self._parser.Parse(chunk, False)
                fed += len(chunk)
                # Expat before 2.6 parses an unfinished token again with each chunk, in quadratic
                # time (CVE-2023-52425).
                if fed - self._parser.CurrentByteIndex > MAX_TOKEN_BYTES:
                    raise self._over(term("token_bytes"), MAX_TOKEN_BYTES)
                self._check_text(sum(map(len, self._texts)))
                chunk = following
            self._parser.Parse(chunk, True)
        except expat.ExpatError as error:
            raise self._malformed(error, prolog.skipped) from error
        root = self._stack[0].children.get(ROOT)
        if root is None:
            raise DocumentError.of("E_STRUCTURE", place=Place(line=1), element=ROOT)
        return root[0]

    # --- what expat calls -----------------------------------------------------------------------

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.upper() not in {"UTF-8", "UTF8"}:
            raise DocumentError.of(
                "E_ENCODING",
                place=self._place(),
                cause=term("declares_encoding", encoding=encoding),
            )

    def _doctype(self, *_: object) -> None:
        raise DocumentError.of("E_DTD", place=self._place())

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        stack = self._stack
        depth = len(stack)
        self._elements += 1
        if depth > self._max_depth or self._elements > self._max_elements:
            raise self._too_many(depth)
        if attributes:
            self._enter_attributes(attributes, depth)
        prefix, _, name = tag.rpartition(":")
        if prefix not in self._scopes[-1].ours:
            name = self._foreign(prefix, name, depth)
        parent = stack[-1]
        node = Node(name, self._parser.CurrentLineNumber + self.prolog.lines, self._elements)
        if self._texts:
            self._set_aside(parent)
        siblings = parent.children.get(name)
        if siblings is None:
            parent.children[name] = [node]
        else:
            siblings.append(node)
        stack.append(node)
        if name in _WATCHED or self._content_depth or self._signature_depth:
            self._watch(node, attributes, depth)

    def _watch(self, node: Node, attributes: dict[str, str], depth: int) -> None:
        """Handle elements of attachments and signatures."""
        if self._content_depth:
            raise self._contents.broken(node.line)
        attachment = self._stack[-2]
        # Content inside a signature is not signed, so it is not read.
        if node.name == "ContentTransferEncoded" and not self._signature_depth:
            if attachment.name == "Attachment" and self._stack[-3].name == "AttachmentEncoded":
                self._content_depth = depth
                self._parser.CharacterDataHandler = self._contents.begin(attachment, node.line)
        elif node.name == SIGNATURE and not self._signature_depth:
            self._signature_depth = depth
            self.signatures.append(node)
        if self._signature_depth and attributes:
            self._count(sum(map(len, attributes.values())))
            node.attributes = attributes

    def _set_aside(self, parent: Node) -> None:
        """Add the text before a child to the text of its parent."""
        text = "".join(self._texts)
        self._texts.clear()
        if parent.text or text.strip(BLANKS):
            parent.text += text
            self._check_text(len(parent.text))

    def _end(self, _tag: str) -> None:
        node = self._stack.pop()
        depth = len(self._stack)
        name = node.name
        if self._content_depth == depth:
            self._content_depth = 0
            self._parser.CharacterDataHandler = self._texts.append
            self._contents.end()
        elif self._texts or node.text:
            node.text = text = (node.text + "".join(self._texts)).strip(BLANKS)
            self._count(len(text) if text.isascii() else len(text.encode()))
            self._texts.clear()
        if self._signature_depth:
            if self._signature_depth == depth:
                self._signature_depth = 0
        elif name == "Attachment" and self._stack[-1].name == "AttachmentEncoded":
            self._contents.close(node)
        elif name == "Reference" and self._stack[-1].name == "edXMLManifest":
            self._contents.reference(node)
        if self._scopes[-1].depth == depth:
            self._scopes.pop()

    # --- namespaces -----------------------------------------------------------------------------

    def _enter_attributes(self, attributes: dict[str, str], depth: int) -> None:
        scope = self._scopes[-1]
        self.most_attributes = max(self.most_attributes, len(attributes))
        for name, value in attributes.items():
            if name == "xmlns":
                prefix = ""
            elif name.startswith("xmlns:"):
                prefix = name[6:]
            else:
                continue
            if scope.prefixes.get(prefix) == value:
                continue
            if scope.depth != depth:
                scope = _Scope(depth=depth, prefixes=dict(scope.prefixes), ours=set(scope.ours))
                self._scopes.append(scope)
            scope.prefixes[prefix] = value
            (scope.ours.add if value == QCVN else scope.ours.discard)(prefix)
            if len(scope.prefixes) > MAX_NAMESPACE_PREFIXES:
                raise self._over(term("prefixes"), MAX_NAMESPACE_PREFIXES)
        for name, value in attributes.items():
            if not name.startswith("xmlns"):
                refuse_state_secret(value, field=name, line=self._place().line)
            prefix, colon, _ = name.partition(":")
            if colon and prefix != "xmlns":
                self._namespace(prefix)

    def _foreign(self, prefix: str, local: str, depth: int) -> str:
        """The name of an element outside the QCVN namespace, if it may stand there."""
        namespace = self._namespace(prefix) if prefix else self._scopes[-1].prefixes.get("", "")
        if namespace in OLD_NAMESPACES:
            raise DocumentError.of("E_OLD_EDXML", place=self._place())
        if depth == 1 or local in FRAME:
            raise DocumentError.of("E_NAMESPACE", place=self._place(), namespace=namespace or "—")
        return f"{{{namespace}}}{local}"

    def _namespace(self, prefix: str) -> str:
        scope = self._scopes[-1]
        namespace = scope.prefixes.get(prefix)
        if not namespace:
            if prefix != "xlink":
                raise DocumentError.of("E_PREFIX", place=self._place(), prefix=prefix)
            self.declared_xlink = True
            return XLINK
        return namespace

    # --- limits and errors ----------------------------------------------------------------------

    def _check_text(self, length: int) -> None:
        if length > self._limits.max_text_bytes:
            raise self._over(term("element_text"), self._limits.max_text_bytes)

    def _count(self, length: int) -> None:
        self._check_text(length)
        self._all_length += length
        if self._all_length > _MAX_TEXTS * self._limits.max_text_bytes:
            raise self._over(term("all_text"), _MAX_TEXTS * self._limits.max_text_bytes)

    def _place(self) -> Place:
        return self._place_of(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber)

    def _place_of(self, line: int, column: int) -> Place:
        """The place in the original file, from 1; expat does not see the skipped bytes."""
        columns_before = self.prolog.columns if line == 1 else 0
        return Place(line=line + self.prolog.lines, column=column + columns_before + 1)

    def _too_many(self, depth: int) -> AxisError:
        if depth > self._max_depth:
            return DocumentError.of("E_DEPTH", place=self._place(), limit=self._max_depth)
        return self._over(term("elements"), self._max_elements)

    def _over(self, what: Coded, limit: int) -> AxisError:
        return DocumentError.of("E_LIMIT", place=self._place(), what=what, limit=limit)

    def _malformed(self, error: expat.ExpatError, skipped: int) -> AxisError:
        place = self._place_of(error.lineno, error.offset)
        if error.code == _INVALID_TOKEN:
            self._source.seek(skipped + self._parser.ErrorByteIndex)
            wrong = self._source.read(4)
            try:
                wrong.decode()
            except UnicodeDecodeError as undecodable:
                if undecodable.start == 0:
                    return DocumentError.of(
                        "E_ENCODING",
                        place=place,
                        cause=term("byte_not_utf8", byte=f"{wrong[0]:02X}"),
                    )
        return DocumentError.of("E_NOT_WELL_FORMED", place=place, cause=_cause(error.code))


def _cause(code: int) -> Term:
    return term(_CAUSES[code]) if code in _CAUSES else foreign(expat.ErrorString(code))

"""Names: the namespaces of QCVN 102:2016, and the elements that frame a packet.

Source: messages of real systems; the official text was not available.
"""

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{XMLDSIG}}}Signature"
"""The name of a header signature's node."""

_SIGNATURES = frozenset({"Signature", "DigitalSignature"})


def local_name(name: str) -> str:
    """The name of a node without its namespace."""
    return name.rpartition("}")[2]


def is_signature(name: str) -> bool:
    """Whether a node of this name is a signature, in any of the namespaces that programs use."""
    return local_name(name) in _SIGNATURES


XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"

OLD_EDXML = "http://www.e-doc.vn/Schema/"
OLD_NAMESPACES = frozenset(
    {
        OLD_EDXML,
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
    }
)
"""The namespaces of the older format (SOAP with MIME parts, about 2014)."""

ROOT = "edXML"
FRAME = frozenset(
    {ROOT, "edXMLEnvelope", "edXMLHeader", "MessageHeader", "TraceHeaderList", "AttachmentEncoded"}
)
"""The elements that frame a packet; in another namespace it is another format."""

"""Names of the QCVN 102:2016 generation: its namespaces and the elements of its frame.

Source: handbook section 2, from observed messages; the official text was not at hand.
"""

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{XMLDSIG}}}Signature"
"""The element of a true header signature, as a node names it."""

_SIGNATURES = frozenset({"Signature", "DigitalSignature"})


def local_name(name: str) -> str:
    """The name of a node without its namespace."""
    return name.rpartition("}")[2]


def is_signature(name: str) -> bool:
    """Whether a node of this name is a signature, in whichever namespace producers put it."""
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
"""The SOAP/MIME generation of about 2014 (handbook section 13)."""

ROOT = "edXML"
FRAME = frozenset(
    {ROOT, "edXMLEnvelope", "edXMLHeader", "MessageHeader", "TraceHeaderList", "AttachmentEncoded"}
)
"""Elements that carry the packet: in another namespace they make it another format."""

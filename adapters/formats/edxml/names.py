"""Names of the QCVN 102:2016 generation: namespaces and the lengths its fields may have.

Source: handbook section 2, from observed messages; the official text was not at hand.
"""

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
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

MAX_LENGTH = {
    "OrganizationInCharge": 500,
    "OrganName": 200,
    "OrganAdd": 500,
    "Email": 100,
    "Telephone": 20,
    "Fax": 20,
    "CodeNumber": 11,
    "CodeNotation": 30,
    "PromulgationInfo/Place": 50,
    "TypeName": 100,
    "Subject": 500,
    "Content": 500,
    "SphereOfPromulgation": 100,
    "TyperNotation": 10,
    "ToPlaces/Place": 150,
    "AttachmentName": 500,
}
"""Characters; observed systems do not enforce them, so longer text is only warned of."""

"""Elements: which children the format gives a place to, by the element that holds them.

Source: handbook 2.2 to 2.4 and 3.1. What is not listed for an element is unknown there.
"""

from collections.abc import Mapping

from adapters.formats.edxml.names import FRAME, local_name

_ORGANIZATION = (
    "OrganId OrganizationInCharge OrganName OrganAdd Email Telephone Fax Website"  # handbook 2.2
)
_CHILDREN = {
    "edXML": "edXMLEnvelope AttachmentEncoded",
    "edXMLEnvelope": "edXMLHeader edXMLBody AttachmentEncoded",
    "edXMLHeader": "MessageHeader TraceHeaderList",
    "edXMLBody": "edXMLManifest",
    "edXMLManifest": "Reference",
    "AttachmentEncoded": "Attachment",
    "Reference": "ContentId ContentType Description AttachmentName",
    "Attachment": (
        "ContentId AttachmentName Description ContentType Format FieldName MimeType"
        " ContentTransferEncoded"
    ),
    "From": _ORGANIZATION,
    "To": _ORGANIZATION,
    "Code": "CodeNumber CodeNotation",
    "PromulgationInfo": "Place PromulgationDate",
    "DocumentType": "Type TypeDetail TypeName",
    "SignerInfo": "Competence Position FullName",
    "OtherInfo": (
        "Priority SphereOfPromulgation TyperNotation PromulgationAmount PageAmount ReplyFors"
        " Direction ReferenceCodes Appendixes"
    ),
    "Appendixes": "Appendix",
    "ResponseFor": "OrganId Code DocumentId PromulgationDate",
    "ToPlaces": "Place",
    "TraceHeaderList": "Bussiness TraceHeader",
    "TraceHeader": "OrganId Timestamp",
    "Bussiness": (
        "DocumentId BussinessDocType BussinessDocReason Paper BussinessDocumentInfo"
        " ReplacementInfoList StaffInfo"
    ),
    "BussinessDocumentInfo": "DocumentInfo DocumentReceiver ReceiverList",
    "ReceiverList": "Receiver",
    "Receiver": "OrganId ReceiverType",
    "ReplacementInfoList": "ReplacementInfo",
    "ReplacementInfo": "DocumentId OrganIdList",
    "OrganIdList": "OrganId",
    "StaffInfo": "Department DepartmentId Staff StaffId Email Mobile",
}
CHILDREN: Mapping[str, frozenset[str]] = {
    holder: frozenset(children.split()) for holder, children in _CHILDREN.items()
}

OF_THE_FRAME = FRAME | {"edXMLBody", "edXMLManifest", "Reference", "Attachment"}
"""Readers look for these wherever they stand; and paths of findings begin with them."""

_OF_DOCUMENTS = (
    "From To DocumentId Code PromulgationInfo DocumentType Subject Content SignerInfo DueDate"
    " OtherInfo ResponseFor SteeringType ResponseForTask ApplicationType ToPlaces StatusCode"
)
DOCUMENT_HEADER = OF_THE_FRAME | frozenset(_OF_DOCUMENTS.split())
"""Children of a document's `MessageHeader`; a `StatusCode` would make it a status message."""

_OF_STATUSES = "From ResponseFor StaffInfo StatusCode Description Timestamp"
STATUS_HEADER = OF_THE_FRAME | frozenset(_OF_STATUSES.split())
"""Children of the `MessageHeader` of a status message."""


def looks_known(holder: str, name: str) -> bool:
    """Whether readers that look at local names alone would take a foreign element for a known one.

    Args:
        holder: The element that it stands in.
        name: Of its node, with the namespace.
    """
    known = CHILDREN.get(holder, DOCUMENT_HEADER | STATUS_HEADER)
    return name.startswith("{") and local_name(name) in known

"""Elements: which children each element of the format may have.

Source: messages of real systems. A child that is not listed is unknown at that place.
"""

from collections.abc import Mapping

from adapters.formats.edxml.names import FRAME, local_name

_ORGANIZATION = "OrganId OrganizationInCharge OrganName OrganAdd Email Telephone Fax Website"
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
"""Programs find these elements at any place, and paths in findings begin with them."""

_OF_DOCUMENTS = (
    "From To DocumentId Code PromulgationInfo DocumentType Subject Content SignerInfo DueDate"
    " OtherInfo ResponseFor SteeringType ResponseForTask ApplicationType ToPlaces StatusCode"
)
DOCUMENT_HEADER = OF_THE_FRAME | frozenset(_OF_DOCUMENTS.split())
"""Children of a document's `MessageHeader`. With a `StatusCode` it would be a status message."""

_OF_STATUSES = "From ResponseFor StaffInfo StatusCode Description Timestamp"
STATUS_HEADER = OF_THE_FRAME | frozenset(_OF_STATUSES.split())
"""Children of the `MessageHeader` of a status message."""


def looks_known(holder: str, name: str) -> bool:
    """Whether a program that ignores namespaces would take a foreign element for a known one.

    Args:
        holder: The parent element.
        name: The name of the node, with its namespace.
    """
    known = CHILDREN.get(holder, DOCUMENT_HEADER | STATUS_HEADER)
    return name.startswith("{") and local_name(name) in known

"""Trace: read `TraceHeaderList`: the hops of a packet, and the business block."""

from adapters.formats.edxml.fields import Fields, read_all
from adapters.formats.edxml.parties import read_staff
from schemas.codes import BusinessType
from schemas.document import Bussiness, Hop, ReceiverChange, Replacement

_TARGETED = frozenset({BusinessType.RECALL, BusinessType.UPDATE})


def read_hops(trace: Fields) -> tuple[Hop, ...]:
    """All hops in their order, also those that name no agency."""
    hops = []
    for fields in trace.groups("TraceHeader"):
        hop = Hop(organ_id=fields.organ_id(), at=fields.stamp("Timestamp"))
        if hop.organ_id is None:
            fields.findings.warn("W_TRACE_ORGAN", line=fields.line, field=fields.path)
        hops.append(hop)
    return tuple(hops)


def read_bussiness(trace: Fields) -> Bussiness:
    """The business block; if it is absent, the document is new."""
    fields = trace.group("Bussiness")
    if not fields.present:
        fields.findings.warn("W_BUSSINESS_ABSENT")
        return Bussiness()
    number = fields.integer("BussinessDocType", low=0, high=3)
    kind = BusinessType(number or 0)
    if number is None:
        fields.findings.missing("BussinessDocType", line=fields.line)
    target = fields.document_id() if kind in _TARGETED else None
    # In a new document this is left over from another message: ignored, kept, written again.
    fields.keep("DocumentId")
    changes = fields.group("BussinessDocumentInfo")
    return Bussiness(
        type=kind,
        target_document_id=target,
        reason=fields.text("BussinessDocReason"),
        paper_raw=fields.text("Paper"),
        content_changes=changes.flag("DocumentInfo"),
        receivers_change=changes.flag("DocumentReceiver"),
        receiver_changes=_read_receiver_changes(changes.group("ReceiverList")),
        replacements=_read_replacements(fields.group("ReplacementInfoList")),
        staff=read_all(fields.groups("StaffInfo"), read_staff),
    )


def _read_receiver_changes(receivers: Fields) -> tuple[ReceiverChange, ...]:
    return read_all(receivers.groups("Receiver"), _read_receiver_change)


def _read_receiver_change(fields: Fields) -> ReceiverChange | None:
    organ_id, added = fields.organ_id(), fields.flag("ReceiverType")
    if organ_id is None:
        fields.findings.missing("OrganId", line=fields.line, field=fields.at("OrganId"))
    elif added is None:
        fields.findings.missing("ReceiverType", line=fields.line, field=fields.path)
        fields.findings.keep(fields.at("OrganId"), organ_id, line=fields.line, told=True)
    else:
        return ReceiverChange(organ_id=organ_id, added=added)
    return None


def _read_replacements(replaced: Fields) -> tuple[Replacement, ...]:
    return read_all(replaced.groups("ReplacementInfo"), _read_replacement)


def _read_replacement(fields: Fields) -> Replacement | None:
    document_id = fields.document_id()
    if document_id is None:
        fields.findings.missing("DocumentId", line=fields.line, field=fields.at("DocumentId"))
        fields.drop()
        return None
    return Replacement(document_id=document_id, organ_ids=fields.group("OrganIdList").organ_ids())

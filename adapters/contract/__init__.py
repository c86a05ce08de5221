"""The contracts of Format and Endpoint: what each promises, and what it may rely on.

The conformance kit (`adapters.conformance`) proves an implementation, ours or that of another
package.
"""

from adapters.contract.endpoints import (
    Answer,
    Endpoint,
    EndpointContext,
    EndpointFactory,
    Offer,
    Parcel,
    ParcelKind,
    Submission,
)
from adapters.contract.formats import (
    AttachmentSink,
    AttachmentSource,
    BlobWriter,
    CheckedFormat,
    Format,
    Kept,
    Limits,
    LossyFormat,
    Message,
)
from schemas.limits import MIB

__all__ = [
    "MIB",
    "Answer",
    "AttachmentSink",
    "AttachmentSource",
    "BlobWriter",
    "CheckedFormat",
    "Endpoint",
    "EndpointContext",
    "EndpointFactory",
    "Format",
    "Kept",
    "Limits",
    "LossyFormat",
    "Message",
    "Offer",
    "Parcel",
    "ParcelKind",
    "Submission",
]

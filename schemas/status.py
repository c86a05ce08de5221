"""StatusReport: what a receiving office says it did with a document (statuses 01 to 16)."""

from datetime import date

from pydantic import AwareDatetime

from schemas.document import NonEmpty, Organization, Staff
from schemas.value import Value


class StatusReport(Value):
    """A status message.

    Attributes:
        from_agency: Who reports. For 13 (take back) that is the document's sender.
        to_organ_id: The addressee, `ResponseFor/OrganId`: the routing key.
        code: Two digits as text; codes besides the nine known are kept and shown.
        at: UTC; absent when the source had none or an impossible one.
    """

    from_agency: Organization
    to_organ_id: NonEmpty
    document_code: str | None = None
    document_id: str | None = None
    issued_on: date | None = None
    staff: Staff | None = None
    code: NonEmpty
    description: str | None = None
    at: AwareDatetime | None = None
    raw: dict[str, str] = {}

    def without_raw(self) -> "StatusReport":
        """The report without the values that we give no meaning to."""
        return self.model_copy(update={"raw": {}})

"""Status messages: what an agency reports about a document (statuses 01 to 16)."""

from datetime import date

from pydantic import AwareDatetime

from schemas.document import NonEmpty, Organization, Staff
from schemas.value import Value


class StatusReport(Value):
    """A status message.

    Attributes:
        from_agency: The reporting agency; for 13 (take back), the document's sender.
        to_organ_id: The addressee, `ResponseFor/OrganId`, which decides the route.
        code: Two digits. Codes other than the nine known ones are kept and shown.
        at: UTC; None when the source has no valid time.
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
        """A copy without `raw`."""
        return self.model_copy(update={"raw": {}})

"""Messages: complete ones, in which every canonical field says something. All data is invented."""

from datetime import UTC, date, datetime
from hashlib import sha256

from schemas.codes import BusinessType, Priority, StatusCode
from schemas.document import (
    Attachment,
    Bussiness,
    Document,
    Hop,
    Organization,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
)
from schemas.status import StatusReport

FILE = b"%PDF-1.7\n" + bytes(range(256)) * 8
ATTACHMENT = Attachment(
    name="147-ubnd.pdf",
    media_type="application/pdf",
    size=len(FILE),
    sha256=sha256(FILE).hexdigest(),
    description="Bản ký số",
)


def complete_document(**changes: object) -> Document:
    """A new document to two receivers, with one file, `FILE`."""
    complete = Document(
        from_agency=Organization(
            organ_id="000.00.00.H98",
            governing_body="Chính phủ mẫu",
            name="Ủy ban nhân dân tỉnh Ví Dụ",
            address="Số 1, phố Ví Dụ",
            email="vanthu@vidu.example",
            telephone="0123 456 789",
            fax="0123 456 788",
            website="vidu.example",
        ),
        to_agencies=(
            Organization(organ_id="000.00.07.H99", name="Sở Dữ liệu mẫu tỉnh Minh Họa"),
            Organization(organ_id="000.00.03.G98"),
        ),
        document_id="000.00.00.H98,2026/03/12,147/UBND-VP",
        number="147",
        notation="UBND-VP",
        place="Ví Dụ",
        issued_on=date(2026, 3, 12),
        type_code=2,
        type_name="Công văn",
        subject="V/v rà soát danh mục <mẫu> & phụ lục",
        content="Rà soát",
        signer=Signer(
            competence="KT. CHỦ TỊCH", position="PHÓ CHỦ TỊCH", full_name="Nguyễn Văn Mẫu"
        ),
        due_on=date(2026, 3, 20),
        priority=Priority.URGENT,
        circulation="Lưu hành nội bộ",
        drafter="NVM",
        copies=3,
        pages=2,
        appendixes=("Phụ lục danh mục mẫu",),
        response_for=(
            ResponseFor(
                organ_id="000.00.07.H99",
                code="12/SDL",
                document_id="000.00.07.H99,2026/03/01,12/SDL",
                issued_on=date(2026, 3, 1),
            ),
        ),
        to_places=("Như trên", "Lưu: VT"),
        bussiness=Bussiness(
            reason="Văn bản mới",
            paper_raw="0",
            staff=(
                Staff(
                    department="Văn phòng",
                    department_id="VP",
                    staff="Trần Thị Ví Dụ",
                    staff_id="TTVD",
                    email="ttvd@vidu.example",
                    mobile="0123 456 787",
                ),
            ),
        ),
        hops=(Hop(organ_id="000.00.00.H98", at=datetime(2026, 3, 12, 2, 15, tzinfo=UTC)),),
        attachments=(ATTACHMENT,),
    )
    return complete.model_copy(update=changes)


def complete_update(**changes: object) -> Document:
    """A document that updates an earlier one and changes its receivers."""
    block = Bussiness(
        type=BusinessType.UPDATE,
        target_document_id="000.00.00.H98,2026/03/01,140/UBND-VP",
        reason="Bổ sung bên nhận",
        paper_raw="1",
        content_changes=True,
        receivers_change=True,
        receiver_changes=(
            ReceiverChange(organ_id="000.00.07.H99", added=True),
            ReceiverChange(organ_id="000.00.09.H99", added=False),
        ),
    )
    return complete_document(bussiness=block, **changes)


def complete_replacement(**changes: object) -> Document:
    """A document that replaces an earlier one."""
    block = Bussiness(
        type=BusinessType.REPLACE,
        reason="Sai nội dung",
        replacements=(
            Replacement(
                document_id="000.00.00.H98,2026/03/01,140/UBND-VP",
                organ_ids=("000.00.07.H99", "000.00.03.G98"),
            ),
        ),
    )
    return complete_document(bussiness=block, **changes)


def complete_report(**changes: object) -> StatusReport:
    """A receiver's report that it accepted the document."""
    complete = StatusReport(
        from_agency=Organization(organ_id="000.00.07.H99", name="Sở Dữ liệu mẫu tỉnh Minh Họa"),
        to_organ_id="000.00.00.H98",
        document_code="147/UBND-VP",
        document_id="000.00.00.H98,2026/03/12,147/UBND-VP",
        issued_on=date(2026, 3, 12),
        staff=Staff(department="Văn thư", staff="Lê Thị Thí Dụ", email="vt@sdl.example"),
        code=StatusCode.ACCEPTED.value,
        description="Văn thư đã tiếp nhận văn bản",
        at=datetime(2026, 3, 12, 2, 40, tzinfo=UTC),
    )
    return complete.model_copy(update=changes)


COMPLETE: tuple[Document | StatusReport, ...] = (
    complete_document(),
    complete_update(),
    complete_replacement(),
    complete_report(),
)
"""Every canonical field says something in one of them."""

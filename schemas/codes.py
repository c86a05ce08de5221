"""Code lists: business types, statuses, urgency, lanes, document types.

Sources: QCVN 102:2016/BTTTT as observed, Decree 30/2020/NĐ-CP annex III.
"""

from enum import IntEnum, StrEnum


class BusinessType(IntEnum):
    """`BussinessDocType`: what a packet does to the document it names."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACE = 3


class StatusCode(StrEnum):
    """`StatusCode` of a status message: the nine codes with a known meaning."""

    ARRIVED = "01"
    REFUSED = "02"
    ACCEPTED = "03"
    ASSIGNED = "04"
    IN_PROCESS = "05"
    COMPLETED = "06"
    TAKE_BACK = "13"
    RECALL_AGREED = "15"
    RECALL_REFUSED = "16"


STATUS_NEEDS_REASON = frozenset(
    {StatusCode.REFUSED, StatusCode.TAKE_BACK, StatusCode.RECALL_REFUSED}
)
"""Statuses that need a reason (Decision 28/2018; Decree 30/2020, article 21)."""


class Priority(IntEnum):
    """`OtherInfo/Priority`: urgency."""

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    MOST_URGENT = 3
    FIXED_HOUR = 4


class Lane(StrEnum):
    """The two queues of a mailbox."""

    EXPRESS = "express"
    STANDARD = "standard"


class EnvelopeKind(StrEnum):
    """The kind of content of an envelope."""

    DOCUMENT = "document"
    RECEIPT = "receipt"


class FormatName(StrEnum):
    """The formats in the wire contract; third parties may add others."""

    EDXML = "edxml"
    JSON = "json"


ADMINISTRATIVE_TYPES: dict[str, str] = {
    "Nghị quyết": "NQ",
    "Quyết định": "QĐ",
    "Chỉ thị": "CT",
    "Quy chế": "QC",
    "Quy định": "QyĐ",
    "Thông cáo": "TC",
    "Thông báo": "TB",
    "Hướng dẫn": "HD",
    "Chương trình": "CTr",
    "Kế hoạch": "KH",
    "Phương án": "PA",
    "Đề án": "ĐA",
    "Dự án": "DA",
    "Báo cáo": "BC",
    "Biên bản": "BB",
    "Tờ trình": "TTr",
    "Hợp đồng": "HĐ",
    "Công văn": "",
    "Công điện": "CĐ",
    "Bản ghi nhớ": "BGN",
    "Bản thỏa thuận": "BTT",
    "Giấy ủy quyền": "GUQ",
    "Giấy mời": "GM",
    "Giấy giới thiệu": "GGT",
    "Giấy nghỉ phép": "GNP",
    "Phiếu gửi": "PG",
    "Phiếu chuyển": "PC",
    "Phiếu báo": "PB",
    "Thư công": "",
}
"""The 29 administrative document types of Decree 30/2020 and their abbreviations."""

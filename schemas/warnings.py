"""Warnings about unusual or repaired parts of accepted messages, in English and Vietnamese."""

from schemas.language import texts

WARNINGS = texts(
    """
    W_LENGTH | {field} has {length} characters; QCVN 102 allows {limit}.
        | {field} dài {length} ký tự; QCVN 102 cho phép {limit}.
    W_DATE_FUTURE | The issue date {date} is in the future. | Ngày ban hành {date} ở tương lai.
    W_DATE_FORM | The date {value} does not have the required form; read as {date}.
        | Ngày {value} viết không đúng dạng quy định; hiểu là {date}.
    W_DATE_INVALID | {value} is not a possible date; the field stays empty.
        | {value} không phải ngày hợp lệ; để trống trường này.
    W_STAMP_DATE_ONLY | The time is not stated in {value}. | Không nêu giờ trong {value}.
    W_MISSING_FIELD | The required field {field} is missing; the message is incomplete.
        | Thiếu trường bắt buộc {field}; gói tin chưa đầy đủ.
    W_NOT_CARRIED | The format of your system has no place for the field {field}; it is left out.
        | Định dạng của hệ thống nhận không có chỗ cho trường {field}; trường này bị bỏ qua.
    W_NAME_MISMATCH | The code {code} is {known} in the directory, but the packet says {named}.
        | Mã {code} trong danh bạ là {known} nhưng gói tin ghi {named}.
    W_BUSSINESS_ABSENT | The packet has no Bussiness block; treated as a new document.
        | Gói tin không có khối Bussiness; coi là văn bản mới.
    W_ATTACHMENT_PAIRED
        | Attachment {name} or its line in the manifest has no ContentId; paired by the name.
        | Tệp đính kèm {name} hoặc dòng của nó trong danh mục thiếu ContentId; ghép theo tên tệp.
    W_ATTACHMENT_UNLISTED | Attachment {name} is not in the manifest.
        | Tệp đính kèm {name} không có trong danh mục.
    W_ATTACHMENT_DAMAGED | Attachment {name} was damaged by a text decoder before it reached us.
        | Tệp đính kèm {name} đã hỏng do bị giải mã như văn bản trước khi đến đây.
    W_ZIP_UNDECLARED | Attachment {name} was a one-entry ZIP declared as {declared}; unwrapped.
        | Tệp đính kèm {name} là ZIP một mục nhưng khai báo {declared}; đã giải nén.
    W_MIME_MISMATCH | Attachment {name} is declared {declared}, but its content is {sniffed}.
        | Tệp đính kèm {name} khai báo {declared} nhưng nội dung là {sniffed}.
    W_NAME_SANITISED | The attachment name {value} was made safe: {name}.
        | Tên tệp {value} đã được làm an toàn: {name}.
    W_SIGNATURE_WEAK | The header signature uses SHA-1. | Chữ ký tiêu đề dùng SHA-1.
    W_SIGNATURE_INVALID | The header signature does not match: {cause}.
        | Chữ ký tiêu đề không khớp: {cause}.
    W_SIGNATURE_UNVERIFIABLE | The header signature cannot be verified: {cause}.
        | Không thể kiểm tra chữ ký tiêu đề: {cause}.
    W_SIGNATURE_TOKEN | The Signature block carries an agency token; ignored.
        | Khối Signature chứa mã truy cập của cơ quan; đã bỏ qua.
    W_UNKNOWN_ELEMENT | The element {element} is unknown; kept.
        | Phần tử {element} không rõ; đã giữ lại.
    W_RAW_NOT_WRITTEN
        | {field} is kept, but not written into packets: it does not fit its type or place.
        | {field} được giữ lại nhưng không ghi vào gói tin: không đúng kiểu hoặc vị trí.
    W_ELEMENT_REPEATED
        | The element {element} occurs more than once; the first one counts, this one is kept raw.
        | Phần tử {element} xuất hiện nhiều lần; chỉ lấy phần tử đầu, phần tử này giữ dạng thô.
    W_MIXED_CONTENT | {field} mixes text and elements; what does not belong there is kept raw.
        | {field} chứa lẫn lộn chữ và phần tử con; phần không đúng chỗ được giữ dạng thô.
    W_BOM | The file begins with a byte order mark. | Tệp bắt đầu bằng BOM.
    W_LEADING_JUNK | {count} bytes before the XML declaration were skipped.
        | Đã bỏ {count} byte trước khai báo XML.
    W_XLINK_UNDECLARED | The prefix xlink was not declared; the reader declared it.
        | Tiền tố xlink chưa khai báo; đã khai báo bổ sung.
    W_TRACE_ORGAN | A hop names no agency. | Một chặng truyền không ghi cơ quan.
    W_EMPTY_RESPONSEFOR | An empty ResponseFor was dropped. | Đã bỏ ResponseFor rỗng.
    W_ID_DATE | The DocumentId {value} holds an impossible date; kept as it is.
        | DocumentId {value} chứa ngày không hợp lệ; giữ nguyên.
    W_ID_DERIVED | The DocumentId was missing; built as {value}.
        | Thiếu DocumentId; đã tạo thành {value}.
    W_STATUS_EARLY | The time of the status is before the document's issue date.
        | Thời điểm trạng thái sớm hơn ngày ban hành văn bản.
    W_STATUS_UNKNOWN | The status code {value} is not known; kept and shown, changes no state.
        | Mã trạng thái {value} không rõ; giữ và hiển thị, không đổi trạng thái.
    W_STATUS_REASON | Status {value} gives no reason. | Trạng thái {value} không nêu lý do.
    W_STATUS_TARGET_UNKNOWN
        | This status on {document_id} matches no delivery in our records: check it first.
        | Trạng thái về {document_id} không gắn được với lượt gửi nào trong sổ: cần kiểm tra trước.
    W_TARGET_UNKNOWN
        | The document {document_id} that is recalled, updated or replaced is not in our records.
        | Văn bản {document_id} bị thu hồi, cập nhật hay thay thế không có trong sổ.
    W_TARGET_NOT_HELD
        | The document {document_id} that is recalled, updated or replaced was not delivered here.
        | Văn bản {document_id} bị thu hồi, cập nhật hay thay thế chưa từng được chuyển tới đây.
    W_ID_SHARED
        | A document of {other} has the same DocumentId {document_id}; only {owner}'s is meant.
        | Văn bản của {other} có cùng DocumentId {document_id}; chỉ nói tới văn bản của {owner}.
    W_ORIGINAL_DIFFERS
        | The original packet differs from what its sender signed; it was written again.
        | Gói tin gốc không đúng với nội dung bên gửi đã ký: đã ghi lại gói tin.
    W_ID_OF_OTHER | The DocumentId {document_id} names {other}, but the document belongs to {owner}.
        | DocumentId {document_id} nêu {other}, nhưng văn bản là của {owner}.
    W_MATCH_BY_NUMBER | The status names no DocumentId; matched by number and year.
        | Trạng thái không có DocumentId; đối chiếu theo số và năm.
    W_DUPLICATE_RECEIVER | The receiver {code} is named twice; delivered once.
        | Bên nhận {code} bị ghi hai lần; chỉ chuyển một lần.
    W_CODE_SHAPE | The code {code} has no known form. | Mã {code} không đúng dạng nào đã biết.
    W_CODE_EXPIRED | The code {code} has expired; delivered to {successor}.
        | Mã {code} đã hết hiệu lực; chuyển tới {successor}.
    W_PRIORITY_5 | Priority 5 is a local value; read as normal.
        | Độ khẩn 5 là giá trị nội bộ; hiểu là thường.
    W_PRIORITY_UNKNOWN | The priority {value} is unknown; read as normal.
        | Độ khẩn {value} không rõ; hiểu là thường.
    W_NUMBER_INVALID | {field} is {value}, which is not a valid number; kept raw.
        | {field} là {value}, không phải số hợp lệ; giữ nguyên dạng thô.
    W_ID_REUSED | The DocumentId {value} was used before for another document.
        | DocumentId {value} đã dùng cho văn bản khác.
    W_NUMBER_REUSED | The number {value} was used before in the same year.
        | Số {value} đã dùng trong cùng năm.
    W_SETTING_UNKNOWN | There is no setting {name}; it has no effect.
        | Không có cấu hình {name}; giá trị này không có tác dụng.
    W_SETTING_MISSPELT | There is no setting {name}; it has no effect. Perhaps {nearest} is meant.
        | Không có cấu hình {name}; giá trị này không có tác dụng. Có thể ý bạn là {nearest}.
    """
)
"""Code → (English, Vietnamese). `W_MISSING_<FIELD>` reads as `W_MISSING_FIELD`."""

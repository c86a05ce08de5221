"""What the sender must correct in the file that its system sent."""

from schemas.errors.entry import entries

PACKET = entries(
    """
    E_NOT_WELL_FORMED: sender
        The file is not well formed: {cause}.
        Tệp không đúng cú pháp: {cause}.
        {EXPORT}
    E_EMPTY: sender
        The file is empty.
        Tệp rỗng.
        {EXPORT}
    E_ENCODING: sender
        The packet is not UTF-8: {cause}.
        Gói tin không phải UTF-8: {cause}.
        Save the packet as UTF-8 and send it again.
        Lưu gói tin ở dạng UTF-8 rồi gửi lại.
    E_DTD: sender
        The packet has a DOCTYPE, which is forbidden.
        Gói tin có DOCTYPE, điều bị cấm.
        Remove the DOCTYPE and send the packet again.
        Bỏ DOCTYPE rồi gửi lại gói tin.
    E_DEPTH: sender
        Elements are nested deeper than {limit}.
        Các phần tử lồng nhau sâu quá {limit} mức.
        {EXPORT}
    E_LIMIT: sender
        {what} exceeds the limit of {limit}.
        {what} vượt quá giới hạn {limit}.
        Split or shorten the content and send it again.
        Chia nhỏ hoặc rút gọn nội dung rồi gửi lại.
    E_PREFIX: sender
        The namespace prefix {prefix} is not declared.
        Tiền tố không gian tên {prefix} chưa được khai báo.
        Declare the prefix and send the packet again.
        Khai báo tiền tố rồi gửi lại gói tin.
    E_NAMESPACE: sender
        The namespace {namespace} is not an edXML namespace.
        Không gian tên {namespace} không phải của edXML.
        Send the packet in the form of QCVN 102:2016.
        Gửi gói tin theo dạng QCVN 102:2016.
    E_OLD_EDXML: sender
        This is older SOAP edXML; send the QCVN 102:2016 form.
        Đây là edXML SOAP cũ; hãy gửi dạng QCVN 102:2016.
        Export the packet in the form of QCVN 102:2016.
        Xuất gói tin theo dạng QCVN 102:2016.
    E_LEADING_MARKUP: sender
        There is markup before the XML declaration, so other software would read another document.
        Trước khai báo XML có thẻ đánh dấu: phần mềm khác sẽ đọc ra một văn bản khác.
        {EXPORT}
    E_STRUCTURE: sender
        The packet lacks the required element {element}.
        Gói tin thiếu phần tử bắt buộc {element}.
        {EXPORT}
    E_RANGE: sender
        {value} is out of range: every format can carry values from {first} to {second}.
        {value} nằm ngoài khoảng mà mọi định dạng ghi được, từ {first} đến {second}.
        Correct the value and send the document again.
        Sửa lại giá trị rồi gửi lại văn bản.
    E_MISSING_FROM: sender
        The sender's OrganId is missing.
        Thiếu OrganId của bên gửi.
        Fill in From/OrganId and send the packet again.
        Điền From/OrganId rồi gửi lại.
    E_MISSING_TO: sender
        No receiver's OrganId is given.
        Không có OrganId của bên nhận.
        Fill in at least one receiver and send the packet again.
        Điền ít nhất một bên nhận rồi gửi lại.
    E_MISSING_ID: sender
        The document has no DocumentId, and none can be built from sender, date and number.
        Văn bản không có DocumentId và không thể tạo từ bên gửi, ngày và số.
        Fill in DocumentId, or number, notation and date, and send the packet again.
        Điền DocumentId, hoặc số, ký hiệu và ngày ban hành, rồi gửi lại.
    E_ATTACHMENT_MISSING: sender
        The manifest names attachment {content_id}, but the packet does not contain it.
        Danh mục nêu tệp đính kèm {content_id} nhưng gói tin không có tệp đó.
        Attach the file, or remove it from the manifest, and send the packet again.
        Đính kèm tệp hoặc bỏ khỏi danh mục rồi gửi lại.
    E_ATTACHMENT_NAME: sender
        The attachment name {name} is not a plain file name.
        Tên tệp đính kèm {name} không phải là tên tệp thông thường.
        Use a name without folders, control characters or direction marks, in Unicode NFC, of at
            most 255 bytes, and send it again.
        Dùng tên không chứa thư mục, ký tự điều khiển hay dấu đổi chiều chữ, theo Unicode NFC, dài
            tối đa 255 byte, rồi gửi lại.
    E_CONTENT_ID_DUPLICATE: sender
        Two attachments have the ContentId {content_id}.
        Hai tệp đính kèm có cùng ContentId {content_id}.
        Give every attachment its own ContentId and send the packet again.
        Đặt ContentId riêng cho từng tệp rồi gửi lại.
    E_BASE64: sender
        The content of attachment {name} is not base64.
        Nội dung tệp đính kèm {name} không phải base64.
        Attach the file again and send the packet again.
        Đính kèm lại tệp rồi gửi lại gói tin.
    E_ZIP_UNSAFE: sender
        The archive of attachment {name} is unsafe: {cause}.
        Tệp nén của đính kèm {name} không an toàn: {cause}.
        Attach the file without an archive and send the packet again.
        Đính kèm tệp không nén rồi gửi lại.
    E_TOO_LARGE: sender
        The file has {size} bytes; the limit is {limit}.
        Tệp có {size} byte; giới hạn là {limit}.
        Send fewer or smaller attachments. Base64 adds a third to their size.
        Gửi ít tệp hơn hoặc tệp nhỏ hơn. Base64 làm tăng thêm một phần ba kích thước.
    E_STATE_SECRET: sender, withheld
        The document declares the secrecy mark {mark}; State secrets must not be sent over the axis.
        Văn bản mang dấu độ mật {mark}; không được gửi bí mật nhà nước qua trục.
        Send it by the procedure for State secrets.
        Gửi theo thủ tục dành cho văn bản mật.
    E_SCHEMA: sender
        The field does not fit the canonical schema: {cause}.
        Trường không khớp lược đồ chuẩn: {cause}.
        Correct the field and send the file again.
        Sửa trường này rồi gửi lại tệp.
    E_FILE_UNREADABLE: sender
        The file {name} cannot be read: {cause}.
        Không đọc được tệp {name}: {cause}.
        Give the account of the axis the right to read it, and send it again as a regular file.
        Cho tài khoản chạy trục quyền đọc, rồi gửi lại dưới dạng tệp thường.
    E_FILE_STAYS: sender
        The file {name} was sent, but it cannot be moved out of the outbox: {cause}.
        Tệp {name} đã được gửi nhưng không chuyển ra khỏi 'outbox' được: {cause}.
        Remove it from the outbox. If it is sent again, it is recognised as a duplicate.
        Xóa tệp khỏi 'outbox'. Nếu bị gửi lại, tệp được nhận ra là bản trùng.
    E_FORMAT_UNKNOWN: sender
        The file {name} has none of the formats that this adapter reads: {formats}.
        Tệp {name} không thuộc định dạng nào của bộ chuyển đổi: {formats}.
        Send an edXML packet (.edxml) or canonical JSON (.json).
        Gửi gói tin edXML (.edxml) hoặc JSON chuẩn (.json).
    """
)

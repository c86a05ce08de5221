"""Receivers and senders that are unknown, not connected or not permitted."""

from schemas.errors.entry import entries

ROUTING = entries(
    """
    E_UNKNOWN_RECEIVER: sender
        The receiver {code} is not in the directory.
        Bên nhận {code} không có trong danh bạ.
        Check the receiver's code with 'lienthong agency list', or ask for it to be added.
        Kiểm tra mã bên nhận bằng 'lienthong agency list' hoặc đề nghị bổ sung.
    E_RECEIVER_EXPIRED: sender
        The code {code} expired on {date} and has no successor.
        Mã {code} hết hiệu lực ngày {date} và không có cơ quan kế thừa.
        Use the code of the agency that took over its tasks.
        Dùng mã của cơ quan tiếp nhận chức năng.
    E_RECEIVER_UNCONNECTED: sender
        The receiver {code} has no mailbox, and none of its superiors has one.
        Bên nhận {code} chưa có hộp thư, cơ quan cấp trên cũng chưa có.
        Send it on paper, or ask the axis operator to connect the receiver.
        Gửi bản giấy hoặc đề nghị đơn vị vận hành kết nối bên nhận.
    E_RECEIVER_SUSPENDED: sender
        The receiver {code} is suspended.
        Bên nhận {code} đang bị tạm ngưng.
        Ask the axis operator when it will be resumed.
        Hỏi đơn vị vận hành thời điểm mở lại.
    E_UNROUTABLE: sender
        The broker has no mailbox for the receiver {code}.
        RabbitMQ không có hộp thư cho bên nhận {code}.
        Ask the axis operator to run 'lienthong topology apply'.
        Đề nghị đơn vị vận hành chạy 'lienthong topology apply'.
    E_SENDER_UNKNOWN: sender
        The sender {code} does not belong to the connected system {mailbox}.
        Bên gửi {code} không thuộc hệ thống kết nối {mailbox}.
        Send only on behalf of agencies that this connection serves.
        Chỉ gửi thay cho các cơ quan thuộc kết nối này.
    E_SENDER_SUSPENDED: sender
        The sender {code} is suspended.
        Bên gửi {code} đang bị tạm ngưng.
        Ask the axis operator to resume it.
        Đề nghị đơn vị vận hành mở lại.
    E_STATUS_NOT_PARTY: sender
        {sender} neither sent nor received document {document_id}, so it cannot report status
            {status}.
        {sender} không gửi cũng không nhận văn bản {document_id} nên không được báo {status}.
        Only the document's sender reports status 13; only its receivers report the others.
        Chỉ bên gửi báo trạng thái 13; chỉ bên nhận báo các trạng thái khác.
    E_NOT_OWNER: sender
        {sender} did not send document {document_id}, so it cannot recall, update or replace it.
        {sender} không gửi văn bản {document_id}: không được thu hồi, cập nhật hay thay thế.
        Only the document's sender may do this.
        Chỉ bên gửi văn bản mới được làm việc này.
    E_ID_OF_OTHER: sender
        The DocumentId {document_id} belongs to a document of {owner}, but {sender} sent this one.
        DocumentId {document_id} là của văn bản do {owner} gửi, nhưng bên gửi là {sender}.
        Give the document an id of its own: the sender's code, the date and the number.
        Đặt DocumentId riêng cho văn bản: mã bên gửi, ngày và số ký hiệu.
    """
)

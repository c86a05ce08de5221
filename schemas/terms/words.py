"""Nouns: what is counted, where something failed, how two agencies stand to each other."""

from schemas.language import texts

SUBJECTS = texts(
    """
    # What exceeds a limit.
    receivers | the number of receivers | số bên nhận
    attachments | the number of attachments | số tệp đính kèm
    attachment_contents | the number of contents of one attachment
        | số nội dung của một tệp đính kèm
    value_bytes | the size of a value in bytes | số byte của một giá trị
    token_bytes | the size of a tag or comment in bytes | số byte của một thẻ hoặc chú thích
    prefixes | the number of namespace prefixes | số tiền tố không gian tên
    element_text | the text of one element | chuỗi ký tự của một phần tử
    all_text | the text of all elements | chuỗi ký tự của mọi phần tử
    elements | the number of elements | số phần tử
    characters | the number of characters | số ký tự
    entries | the number of entries | số mục
    items | the number of items | số phần tử trong danh sách
    # What differs inside a seal.
    sender | the sender | bên gửi
    sender_mailbox | the sender's mailbox | hộp thư bên gửi
    recipients | the list of recipients | danh sách bên nhận
    sent_at | the sending time | thời điểm gửi
    urgency | the urgency | độ khẩn
    files | the list of files | danh sách tệp
    envelope_id | the envelope id | mã phong bì
    sealed_to | the list of mailboxes it is sealed to | danh sách hộp thư được niêm phong cho
    """
)

STAGES = texts(
    """
    # Of a delivery.
    read | reading | bước đọc gói tin
    verify | verifying | bước kiểm tra chữ ký
    open | opening | bước mở phong bì
    claim | claiming | bước nhận xử lý
    fetch | fetch of attachments | bước lấy tệp đính kèm
    hand_over | hand-over | bước chuyển giao
    mailbox | the mailbox | hộp thư
    # Of a process.
    start | the start of an agency | bước khởi động của cơ quan
    broker | the broker's container | bộ chứa RabbitMQ
    dead_letters | the dead-letter handler | dịch vụ xử lý thư lỗi
    directory | the directory service | dịch vụ danh bạ
    health | the health service | dịch vụ theo dõi tình trạng
    completion | the completion service | dịch vụ hoàn tất việc chuyển giao
    inbound | the inbound service | dịch vụ nhận văn bản
    keys | the key service | dịch vụ khóa
    outbound | the outbound service | dịch vụ gửi văn bản
    revocations | the revocation service | dịch vụ thu hồi chứng thư
    gauges | the gauges | dịch vụ đo hàng đợi
    workers | the supervisor of workers | dịch vụ quản lý tiến trình
    recognise | recognising | bước nhận dạng
    write | writing | bước ghi gói tin
    trial | a check of an account's rights | bước thử quyền của tài khoản
    """
)

ORDER_STATES = texts(
    """
    pending | pending | chờ phê duyệt
    running | running | đang thực hiện
    done | done | đã xong
    cancelled | cancelled | đã hủy
    """
)

PARTIES = texts(
    """
    the authorities | the authorities | các tổ chức chứng thực
    the development authority | the development authority | đơn vị chứng thực thử nghiệm
    the directory authority | the directory authority | đơn vị ký danh bạ
    the axis | the axis | trục
    the filed lists | the filed lists | các danh sách thu hồi được lưu
    nobody | nobody | (chưa rõ chủ sở hữu)
    """
)
"""Who stands where an agency's code is due; the codes are those of wire version 1.0."""

REVOKERS = texts(
    """
    operator | operator | đơn vị vận hành
    the key folder | the key folder | thư mục khóa
    crl | crl | danh sách thu hồi
    ocsp | ocsp | dịch vụ trạng thái chứng thư
    """
)

PARTS = texts(
    """
    version | its version | phiên bản
    serial | its serial number | số sê-ri
    subject | the name of its subject | tên chủ thể
    issuer | the name of its issuer | tên bên cấp
    begin | its first day | ngày bắt đầu
    end | its last day | ngày hết hạn
    key | its key | khóa công khai
    signature | its signature | chữ ký
    content | its content | nội dung được ký
    extensions | its extensions | phần mở rộng
    date | its date | ngày lập
    next_date | the date of the next one | ngày của lần kế tiếp
    entry | an entry | một mục trong danh sách
    responder | the name of its responder | tên bên trả lời
    answers | what it says | nội dung trả lời
    certificates | the certificates that come along | các chứng thư kèm theo
    about | how it names the certificate | cách nêu chứng thư được hỏi
    revoked_at | since when it is revoked | thời điểm thu hồi
    revoked_why | why it is revoked | lý do thu hồi
    """
)
"""Of a certificate, a list of revoked ones, or an answer about one."""

"""The error catalogue: stable codes, whose fault, retryable, text and advice in two languages.

Codes are part of the wire contract: they travel in receipts and dead letters. The codes `E_…` of
reading come from the domain handbook; texts may be improved, codes may not change.
"""

from enum import StrEnum
from typing import assert_never

from schemas.value import Value


class Fault(StrEnum):
    """Whose fault: this alone decides what happens next."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    OURS = "ours"
    WORLD = "world"
    OPERATOR = "operator"


class FailureClass(StrEnum):
    """What kind of failure ends a delivery; it decides what the dead-letter handler does."""

    SENDER = "sender"
    CONFLICT = "conflict"
    SECURITY = "security"
    RECIPIENT_DOWN = "recipient_down"
    RECIPIENT_REFUSED = "recipient_refused"
    OURS = "ours"
    DELIVERY_LIMIT = "delivery_limit"
    """It was given out too often without an answer: something crashes on it."""
    EXPIRED = "expired"
    """A policy of the broker ended its wait in the mailbox."""


class Entry(Value):
    """One error. `{name}` in a text is filled from the problem's parameters.

    Attributes:
        exception: The class of a delivery that fails with it, where the fault does not say it.
        withheld: Whether the content is not kept in a dead letter.
    """

    fault: Fault
    retryable: bool
    text_en: str
    text_vi: str
    advice_en: str
    advice_vi: str
    exception: FailureClass | None = None
    withheld: bool = False

    @property
    def failure_class(self) -> FailureClass:
        """The class of a delivery that fails with it: the one place that decides it.

        What the world or an operator causes is never the sender's, who could not mend it: a plug-in
        that raises it in the middle of a delivery breaks its contract, and that is ours.
        """
        if self.exception is not None:
            return self.exception
        match self.fault:
            case Fault.SENDER:
                return FailureClass.SENDER
            case Fault.RECIPIENT if self.retryable:
                return FailureClass.RECIPIENT_DOWN
            case Fault.RECIPIENT:
                return FailureClass.RECIPIENT_REFUSED
            case Fault.OURS | Fault.WORLD | Fault.OPERATOR:
                return FailureClass.OURS
            case _:
                assert_never(self.fault)


def _sender(text_en: str, text_vi: str, advice_en: str, advice_vi: str) -> Entry:
    return Entry(
        fault=Fault.SENDER,
        retryable=False,
        text_en=text_en,
        text_vi=text_vi,
        advice_en=advice_en,
        advice_vi=advice_vi,
    )


def _entry(
    fault: Fault, retryable: bool, *texts: str, exception: FailureClass | None = None
) -> Entry:
    return _sender(*texts).model_copy(
        update={"fault": fault, "retryable": retryable, "exception": exception}
    )


def _security(*texts: str) -> Entry:
    """The sender is not proven, or not to be trusted: nobody is told but the operator."""
    return _entry(Fault.SENDER, False, *texts, exception=FailureClass.SECURITY)


_EXPORT_EN = "Export the packet again from the document system and send it again."
_EXPORT_VI = "Xuất lại gói tin từ hệ thống quản lý văn bản rồi gửi lại."
_DIRECTORY_EN = (
    "Correct this entry. If a signed directory holds it already, mend that with 'lienthong agency "
    "edit' or 'lienthong agency remove', or go back with 'lienthong directory restore'."
)
_DIRECTORY_VI = (
    "Sửa mục này. Nếu danh bạ đã ký có mục này thì sửa bằng 'lienthong agency edit' hoặc "
    "'lienthong agency remove', hoặc quay lại bằng 'lienthong directory restore'."
)
_RESTORE_EN = (
    "See which versions are kept with 'lienthong directory history', and go back with "
    "'lienthong directory restore'; an agency's own machine copies the hub's directory again."
)
_RESTORE_VI = (
    "Xem các phiên bản còn lưu bằng 'lienthong directory history' và quay lại bằng "
    "'lienthong directory restore'; máy của cơ quan thì chép lại danh bạ từ trung tâm."
)
_SECURITY_EN = "Do not trust it; tell the axis operator and the sending agency."
_SECURITY_VI = "Không tin gói này; báo cho đơn vị vận hành trục và cơ quan gửi."

ENTRIES: dict[str, Entry] = {
    # Reading a packet.
    "E_NOT_WELL_FORMED": _sender(
        "The file is not well formed: {cause}.",
        "Tệp không đúng cú pháp: {cause}.",
        _EXPORT_EN,
        _EXPORT_VI,
    ),
    "E_EMPTY": _sender("The file is empty.", "Tệp rỗng.", _EXPORT_EN, _EXPORT_VI),
    "E_ENCODING": _sender(
        "The packet is not UTF-8: {cause}.",
        "Gói tin không phải UTF-8: {cause}.",
        "Save the packet as UTF-8 and send it again.",
        "Lưu gói tin ở dạng UTF-8 rồi gửi lại.",
    ),
    "E_DTD": _sender(
        "The packet has a DOCTYPE, which is forbidden.",
        "Gói tin có DOCTYPE, điều bị cấm.",
        "Remove the DOCTYPE and send the packet again.",
        "Bỏ DOCTYPE rồi gửi lại gói tin.",
    ),
    "E_DEPTH": _sender(
        "Elements are nested deeper than {limit}.",
        "Các phần tử lồng nhau sâu quá {limit} mức.",
        _EXPORT_EN,
        _EXPORT_VI,
    ),
    "E_LIMIT": _sender(
        "{what} exceeds the limit of {limit}.",
        "{what} vượt quá giới hạn {limit}.",
        "Split or shorten the content and send it again.",
        "Chia nhỏ hoặc rút gọn nội dung rồi gửi lại.",
    ),
    "E_PREFIX": _sender(
        "The namespace prefix {prefix} is not declared.",
        "Tiền tố không gian tên {prefix} chưa được khai báo.",
        "Declare the prefix and send the packet again.",
        "Khai báo tiền tố rồi gửi lại gói tin.",
    ),
    "E_NAMESPACE": _sender(
        "The namespace {namespace} is not an edXML namespace.",
        "Không gian tên {namespace} không phải của edXML.",
        "Send the packet in the form of QCVN 102:2016.",
        "Gửi gói tin theo dạng QCVN 102:2016.",
    ),
    "E_OLD_EDXML": _sender(
        "This is older SOAP edXML; send the QCVN 102:2016 form.",
        "Đây là edXML SOAP cũ; hãy gửi dạng QCVN 102:2016.",
        "Export the packet in the form of QCVN 102:2016.",
        "Xuất gói tin theo dạng QCVN 102:2016.",
    ),
    "E_LEADING_MARKUP": _sender(
        "Markup stands before the XML declaration: other readers would see another document.",
        "Trước khai báo XML có thẻ đánh dấu: phần mềm khác sẽ đọc ra một văn bản khác.",
        _EXPORT_EN,
        _EXPORT_VI,
    ),
    "E_STRUCTURE": _sender(
        "The packet has no {element} where one is due.",
        "Gói tin thiếu phần tử {element}.",
        _EXPORT_EN,
        _EXPORT_VI,
    ),
    "E_RANGE": _sender(
        "{value} lies outside what every format can carry, {first} to {second}.",
        "{value} nằm ngoài khoảng mà mọi định dạng ghi được, từ {first} đến {second}.",
        "Correct the value and send the document again.",
        "Sửa lại giá trị rồi gửi lại văn bản.",
    ),
    "E_MISSING_FROM": _sender(
        "The sender's OrganId is missing.",
        "Thiếu OrganId của bên gửi.",
        "Fill in From/OrganId and send the packet again.",
        "Điền From/OrganId rồi gửi lại.",
    ),
    "E_MISSING_TO": _sender(
        "No receiver's OrganId is given.",
        "Không có OrganId của bên nhận.",
        "Fill in at least one receiver and send the packet again.",
        "Điền ít nhất một bên nhận rồi gửi lại.",
    ),
    "E_MISSING_ID": _sender(
        "The document has no DocumentId, and none can be built from sender, date and number.",
        "Văn bản không có DocumentId và không thể tạo từ bên gửi, ngày và số.",
        "Fill in DocumentId, or number, notation and date, and send the packet again.",
        "Điền DocumentId, hoặc số, ký hiệu và ngày ban hành, rồi gửi lại.",
    ),
    "E_ATTACHMENT_MISSING": _sender(
        "The manifest names attachment {content_id}, but the packet does not hold it.",
        "Danh mục nêu tệp đính kèm {content_id} nhưng gói tin không có tệp đó.",
        "Attach the file, or take it off the manifest, and send the packet again.",
        "Đính kèm tệp hoặc bỏ khỏi danh mục rồi gửi lại.",
    ),
    "E_ATTACHMENT_NAME": _sender(
        "The attachment name {name} is not the plain name of a file.",
        "Tên tệp đính kèm {name} không phải là tên tệp thông thường.",
        "Use a name without folders, control characters and direction marks, in Unicode NFC, of at "
        "most 255 bytes, and send it again.",
        "Dùng tên không chứa thư mục, ký tự điều khiển hay dấu đổi chiều chữ, theo Unicode NFC, "
        "dài tối đa 255 byte, rồi gửi lại.",
    ),
    "E_CONTENT_ID_DUPLICATE": _sender(
        "Two attachments have the ContentId {content_id}.",
        "Hai tệp đính kèm có cùng ContentId {content_id}.",
        "Give every attachment its own ContentId and send the packet again.",
        "Đặt ContentId riêng cho từng tệp rồi gửi lại.",
    ),
    "E_BASE64": _sender(
        "The content of attachment {name} is not base64.",
        "Nội dung tệp đính kèm {name} không phải base64.",
        "Attach the file again and send the packet again.",
        "Đính kèm lại tệp rồi gửi lại gói tin.",
    ),
    "E_ZIP_UNSAFE": _sender(
        "The archive of attachment {name} is unsafe: {cause}.",
        "Tệp nén của đính kèm {name} không an toàn: {cause}.",
        "Attach the file without an archive and send the packet again.",
        "Đính kèm tệp không nén rồi gửi lại.",
    ),
    "E_TOO_LARGE": _sender(
        "The file has {size} bytes; the limit is {limit}.",
        "Tệp có {size} byte; giới hạn là {limit}.",
        "Send fewer or smaller attachments. Base64 adds a third to their size.",
        "Gửi ít tệp hơn hoặc tệp nhỏ hơn. Base64 làm tăng thêm một phần ba kích thước.",
    ),
    "E_STATE_SECRET": _sender(
        "The document declares the secrecy mark {mark}; State secrets may not travel on the axis.",
        "Văn bản mang dấu độ mật {mark}; không được gửi bí mật nhà nước qua trục.",
        "Send it by the procedure for State secrets.",
        "Gửi theo thủ tục dành cho văn bản mật.",
    ).model_copy(update={"withheld": True}),
    "E_SCHEMA": _sender(
        "The field does not fit the canonical schema: {cause}.",
        "Trường không khớp lược đồ chuẩn: {cause}.",
        "Correct the field and send the file again.",
        "Sửa trường này rồi gửi lại tệp.",
    ),
    "E_FILE_UNREADABLE": _sender(
        "The file {name} cannot be read: {cause}.",
        "Không đọc được tệp {name}: {cause}.",
        "Let the account of the axis read it, and drop it anew as a plain file.",
        "Cho tài khoản chạy trục quyền đọc, rồi gửi lại dưới dạng tệp thường.",
    ),
    "E_FILE_STAYS": _sender(
        "The file {name} was sent, but cannot be moved away: {cause}.",
        "Tệp {name} đã được gửi nhưng không chuyển đi được: {cause}.",
        "Remove it from the outbox; sent again, it counts once.",
        "Xóa tệp khỏi 'outbox'; gửi lại cũng chỉ tính một lần.",
    ),
    "E_FORMAT_UNKNOWN": _sender(
        "The file {name} is in none of the formats of this adapter: {formats}.",
        "Tệp {name} không thuộc định dạng nào của bộ chuyển đổi: {formats}.",
        "Send an edXML packet (.edxml) or canonical JSON (.json).",
        "Gửi gói tin edXML (.edxml) hoặc JSON chuẩn (.json).",
    ),
    # Routing and parties.
    "E_UNKNOWN_RECEIVER": _sender(
        "The receiver {code} is not in the directory.",
        "Bên nhận {code} không có trong danh bạ.",
        "Check the receiver's code with 'lienthong agency list', or ask for it to be added.",
        "Kiểm tra mã bên nhận bằng 'lienthong agency list' hoặc đề nghị bổ sung.",
    ),
    "E_RECEIVER_EXPIRED": _sender(
        "The code {code} expired on {date} and names no successor.",
        "Mã {code} hết hiệu lực ngày {date} và không có cơ quan kế thừa.",
        "Use the code of the body that took over.",
        "Dùng mã của cơ quan tiếp nhận chức năng.",
    ),
    "E_RECEIVER_UNCONNECTED": _sender(
        "The receiver {code} has no mailbox, and none of its superiors has one.",
        "Bên nhận {code} chưa có hộp thư, cơ quan cấp trên cũng chưa có.",
        "Send it on paper, or ask the axis operator to connect the receiver.",
        "Gửi bản giấy hoặc đề nghị đơn vị vận hành kết nối bên nhận.",
    ),
    "E_RECEIVER_SUSPENDED": _sender(
        "The receiver {code} is suspended.",
        "Bên nhận {code} đang bị tạm ngưng.",
        "Ask the axis operator when it will be resumed.",
        "Hỏi đơn vị vận hành thời điểm mở lại.",
    ),
    "E_UNROUTABLE": _sender(
        "The broker has no mailbox for the receiver {code}.",
        "RabbitMQ không có hộp thư cho bên nhận {code}.",
        "Ask the axis operator to run 'lienthong topology apply'.",
        "Đề nghị đơn vị vận hành chạy 'lienthong topology apply'.",
    ),
    "E_SENDER_UNKNOWN": _sender(
        "The sender {code} does not belong to the connected system {mailbox}.",
        "Bên gửi {code} không thuộc hệ thống kết nối {mailbox}.",
        "Send only on behalf of agencies that this connection serves.",
        "Chỉ gửi thay cho các cơ quan thuộc kết nối này.",
    ),
    "E_SENDER_SUSPENDED": _sender(
        "The sender {code} is suspended.",
        "Bên gửi {code} đang bị tạm ngưng.",
        "Ask the axis operator to resume it.",
        "Đề nghị đơn vị vận hành mở lại.",
    ),
    "E_STATUS_NOT_PARTY": _sender(
        "{sender} is no party to document {document_id}: it may not report {status} on it.",
        "{sender} không phải bên liên quan của văn bản {document_id}: không được báo {status}.",
        "Status 13 comes from the document's sender, the others from one of its receivers.",
        "Trạng thái 13 do bên gửi báo, các trạng thái khác do bên nhận báo.",
    ),
    "E_NOT_OWNER": _sender(
        "{sender} did not send document {document_id}: it may not recall, update or replace it.",
        "{sender} không gửi văn bản {document_id}: không được thu hồi, cập nhật hay thay thế.",
        "Only the document's sender may do this.",
        "Chỉ bên gửi văn bản mới được làm việc này.",
    ),
    "E_ID_OF_OTHER": _sender(
        "The DocumentId {document_id} is that of a document of {owner}, but {sender} sends it.",
        "DocumentId {document_id} là của văn bản do {owner} gửi, nhưng bên gửi là {sender}.",
        "Give the document an id of its own: the sender's code, the date and the number.",
        "Đặt DocumentId riêng cho văn bản: mã bên gửi, ngày và số ký hiệu.",
    ),
    # Proof.
    "E_SIGNATURE_MISSING": _security(
        "The envelope is not signed.", "Phong bì không có chữ ký.", _SECURITY_EN, _SECURITY_VI
    ),
    "E_SIGNATURE_INVALID": _security(
        "The signature does not match the envelope: {cause}.",
        "Chữ ký không khớp phong bì: {cause}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_SIGNATURE_ALGORITHM": _security(
        "The signature algorithm {alg} is not accepted.",
        "Thuật toán ký {alg} không được chấp nhận.",
        "Sign with ES256, EdDSA, PS256 or RS256.",
        "Ký bằng ES256, EdDSA, PS256 hoặc RS256.",
    ),
    "E_CERTIFICATE_UNKNOWN": _security(
        "The signing certificate {thumbprint} is not known.",
        "Không biết chứng thư ký {thumbprint}.",
        "Import the sender's certificate into the directory.",
        "Nhập chứng thư của bên gửi vào danh bạ.",
    ),
    "E_CERTIFICATE_UNTRUSTED": _security(
        "The signing certificate is not trusted: {cause}.",
        "Chứng thư ký không đáng tin cậy: {cause}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_CERTIFICATE_EXPIRED": _security(
        "The certificate was not valid when it signed ({signed_at}).",
        "Chứng thư không có hiệu lực lúc ký ({signed_at}).",
        "Renew the sender's certificate and send again.",
        "Gia hạn chứng thư của bên gửi rồi gửi lại.",
    ),
    "E_CERTIFICATE_REVOKED": _security(
        "The certificate was revoked on {at} ({reason}, says {source}); signed on {signed_at}.",
        "Chứng thư bị thu hồi lúc {at} ({reason}, theo {source}); nội dung ký lúc {signed_at}.",
        "Sign with a certificate that counts and send again.",
        "Ký bằng chứng thư còn hiệu lực rồi gửi lại.",
    ),
    "E_CLOCK_SKEW": _sender(
        "The signing time {signed_at} lies {seconds} seconds ahead of our clock.",
        "Thời điểm ký {signed_at} đi trước đồng hồ của chúng tôi {seconds} giây.",
        "Set the sender's clock by NTP and send again.",
        "Đồng bộ đồng hồ của bên gửi qua NTP rồi gửi lại.",
    ),
    "E_FORGED": _security(
        "The envelope contradicts itself: {cause}.",
        "Phong bì tự mâu thuẫn: {cause}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_HEADER_CONTRADICTS": _security(
        "The message says of its {header} {said}, but what was signed says {signed}.",
        "Thuộc tính {header} của thông điệp ghi {said}, nhưng nội dung đã ký ghi {signed}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_HEADER_FOREIGN": _security(
        "The message has a property that no sender of the axis sets, or sets so: {header}.",
        "Thông điệp có thuộc tính mà không bên gửi nào trên trục đặt như vậy: {header}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_NOT_ADDRESSED": _security(
        "The envelope does not name {mailbox} as a recipient.",
        "Phong bì không ghi {mailbox} là bên nhận.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_ENVELOPE": _sender(
        "The envelope does not fit the wire contract: {cause}.",
        "Phong bì không đúng giao ước truyền: {cause}.",
        "Upgrade the sender's software.",
        "Nâng cấp phần mềm của bên gửi.",
    ),
    "E_UNSUPPORTED_VERSION": _sender(
        "The wire version {version} is newer than ours.",
        "Phiên bản giao ước {version} mới hơn phiên bản của chúng tôi.",
        "Upgrade the recipient's software, then replay.",
        "Nâng cấp phần mềm bên nhận rồi phát lại.",
    ),
    "E_CONFLICT": _entry(
        Fault.SENDER,
        False,
        "Document {document_id} arrived before with other content: {cause}.",
        "Văn bản {document_id} đã đến trước đó với nội dung khác: {cause}.",
        "A person must decide; to change a document send an update or a replacement.",
        "Cần người quyết định; muốn sửa văn bản hãy gửi cập nhật hoặc thay thế.",
        exception=FailureClass.CONFLICT,
    ),
    "E_ATTACHMENT_ABSENT": _sender(
        "The attachment store does not hold {name} ({sha256}).",
        "Kho tệp không có {name} ({sha256}).",
        "Send the document again.",
        "Gửi lại văn bản.",
    ),
    "E_ATTACHMENT_DIGEST": _security(
        "Attachment {name} does not match its digest {sha256}.",
        "Tệp đính kèm {name} không khớp mã băm {sha256}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    # Sealed documents.
    "E_SEAL_RECIPIENT": _sender(
        "The document must be sealed, but {mailbox} has no valid sealing key.",
        "Văn bản phải được niêm phong nhưng {mailbox} không có khóa niêm phong còn hiệu lực.",
        "Ask that agency to publish a sealing key, or take it off the receivers.",
        "Đề nghị cơ quan đó công bố khóa niêm phong, hoặc bỏ cơ quan đó khỏi danh sách nhận.",
    ),
    "E_SEAL_KEY_FORGED": _sender(
        "The sealing key published for {mailbox} is not proven to be its own: {cause}.",
        "Khóa niêm phong công bố cho {mailbox} không được chứng minh là của cơ quan đó: {cause}.",
        "Nothing was sent. Do not trust this key; tell the axis operator and that agency.",
        "Chưa gửi gì. Không tin khóa này; báo cho đơn vị vận hành trục và cơ quan đó.",
    ),
    "E_SEAL_REQUIRED": _sender(
        "{mailbox} seals what it sends, but this document is not sealed.",
        "{mailbox} luôn niêm phong văn bản gửi đi nhưng văn bản này không được niêm phong.",
        "Send it again, sealed.",
        "Gửi lại ở dạng niêm phong.",
    ),
    "E_SEAL_STATUS": _sender(
        "A status cannot be sealed; it says no more than the document's number.",
        "Không niêm phong được gói trạng thái; gói này chỉ nêu số văn bản.",
        "Drop it under a name without '.sealed'.",
        "Đặt tên tệp không có '.sealed' rồi gửi lại.",
    ),
    "E_SEAL_NO_KEY": _entry(
        Fault.OPERATOR,
        False,
        "The private sealing key {key_id} of {mailbox} is not here.",
        "Không có khóa niêm phong bí mật {key_id} của {mailbox} ở đây.",
        "Restore the key from the backup of the agency's keys, then replay.",
        "Khôi phục khóa từ bản sao lưu khóa của cơ quan rồi phát lại.",
    ),
    "E_SEAL_NOT_WRAPPED": _security(
        "The document is addressed to {mailbox}, but not sealed to it.",
        "Văn bản ghi {mailbox} là bên nhận nhưng không được niêm phong cho {mailbox}.",
        "It must be sent again by its sender, sealed to this mailbox.",
        "Bên gửi phải gửi lại, niêm phong cho hộp thư này.",
    ),
    "E_SEAL_BROKEN": _security(
        "The seal does not open: {cause}.",
        "Không mở được niêm phong: {cause}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_SEAL_SUITE": _security(
        "The seal's cipher suite {suite} is not that of the key, or not known.",
        "Bộ mật mã niêm phong {suite} không đúng với khóa hoặc không được biết.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_SEAL_DOWNGRADE": _security(
        "Sealed with the weaker suite {suite}, though a key for {stronger} was published.",
        "Niêm phong bằng bộ mật mã yếu hơn {suite} dù đã công bố khóa cho {stronger}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_SEAL_BINDING": _security(
        "The sealed content was made for another envelope: {what} differs.",
        "Nội dung niêm phong được tạo cho phong bì khác: {what} không khớp.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    "E_SEAL_SIGNATURE": _security(
        "The signature inside the seal is not believed: {cause}.",
        "Chữ ký bên trong niêm phong không đáng tin: {cause}.",
        _SECURITY_EN,
        _SECURITY_VI,
    ),
    # The recipient's system.
    "E_ENDPOINT_DOWN": _entry(
        Fault.RECIPIENT,
        True,
        "The system of {agency} cannot take documents now: {cause}.",
        "Hệ thống của {agency} hiện không nhận được văn bản: {cause}.",
        "Mend the agency's system; deliveries go on by themselves.",
        "Khắc phục hệ thống của cơ quan; việc chuyển sẽ tự tiếp tục.",
    ),
    "E_OUTBOX_DOWN": _entry(
        Fault.RECIPIENT,
        True,
        "What {agency} sends cannot be taken now: {cause}.",
        "Hiện không lấy được văn bản do {agency} gửi đi: {cause}.",
        "Let the account of the axis write there; sending goes on by itself.",
        "Cho tài khoản chạy trục ghi vào nơi đó; việc gửi sẽ tự tiếp tục.",
    ),
    "E_OUTBOX_NOT_WATCHED": _entry(
        Fault.OPERATOR,
        False,
        "The outbox of {agency} is looked into every second, for it cannot be watched: {cause}.",
        "Thư mục gửi của {agency} được kiểm tra mỗi giây vì không theo dõi được: {cause}.",
        "Nothing is lost, only slower. Raise the limit, or use a folder on a local disk.",
        "Không mất văn bản, chỉ chậm hơn. Nâng giới hạn hoặc dùng thư mục trên đĩa cục bộ.",
    ),
    "E_ENDPOINT_REFUSED": _entry(
        Fault.RECIPIENT,
        False,
        "The system of {agency} refused the document: {cause}.",
        "Hệ thống của {agency} từ chối văn bản: {cause}.",
        "Ask the agency why, then replay or discard.",
        "Hỏi cơ quan lý do, sau đó phát lại hoặc bỏ.",
    ),
    # The world.
    "E_BROKER_AWAY": _entry(
        Fault.WORLD,
        True,
        "The broker does not answer: {cause}.",
        "RabbitMQ không phản hồi: {cause}.",
        "Nothing is lost; work goes on when it is back.",
        "Không mất gì; công việc tiếp tục khi kết nối lại.",
    ),
    "E_PUBLISH_UNKNOWN": _entry(
        Fault.WORLD,
        True,
        "The broker did not confirm in time; whether it has the message is unknown.",
        "RabbitMQ không xác nhận kịp; chưa rõ đã nhận hay chưa.",
        "It is sent again under the same identity; duplicates are absorbed.",
        "Sẽ gửi lại với cùng định danh; bản trùng được loại bỏ.",
    ),
    "E_MAILBOX_REFUSED": _entry(
        Fault.OPERATOR,
        True,
        "The broker refuses again and again what is sent to the mailbox {mailbox}.",
        "RabbitMQ liên tục từ chối những gì gửi tới hộp thư {mailbox}.",
        "Usually it is full: its agency's system must take what waits. It is sent again by itself; "
        "all others go on.",
        "Thường là do hộp thư đã đầy: hệ thống của cơ quan đó phải nhận những gì đang chờ. Sẽ tự "
        "gửi lại; các cơ quan khác không bị ảnh hưởng.",
        exception=FailureClass.RECIPIENT_DOWN,
    ),
    "E_IN_PROGRESS": _entry(
        Fault.WORLD,
        True,
        "Another worker has this delivery in hand.",
        "Một tiến trình khác đang xử lý lượt gửi này.",
        "It is looked at again when that worker's lease has run out.",
        "Sẽ xem lại khi hết thời hạn giữ của tiến trình đó.",
    ),
    "E_SIGNING_KEY_AWAY": _entry(
        Fault.WORLD,
        True,
        "The signing key of {agency} cannot be used now: {cause}.",
        "Hiện không dùng được khóa ký của {agency}: {cause}.",
        "Nothing is lost; work goes on when it is back. See 'lienthong keys show'.",
        "Không mất gì; công việc tiếp tục khi có lại. Xem 'lienthong keys show'.",
    ),
    "E_STORE_AWAY": _entry(
        Fault.WORLD,
        True,
        "The store does not answer: {cause}.",
        "Cơ sở lưu trữ không phản hồi: {cause}.",
        "Nothing is lost; work goes on when it is back.",
        "Không mất gì; công việc tiếp tục khi có lại.",
    ),
    "E_FORMAT_AWAY": _entry(
        Fault.WORLD,
        True,
        "The format {format} cannot be started: {cause}.",
        "Không khởi động được bộ định dạng {format}: {cause}.",
        "Install it anew, or ask whoever made it; deliveries go on by themselves.",
        "Cài lại, hoặc hỏi bên cung cấp; việc chuyển sẽ tự tiếp tục.",
    ),
    "E_STORE_FULL": _entry(
        Fault.WORLD,
        True,
        "The disk of the store is full.",
        "Đĩa lưu trữ đã đầy.",
        "Free space; the sender's original stays where it was.",
        "Giải phóng dung lượng; bản gốc vẫn ở chỗ cũ.",
    ),
    # The operator.
    "E_TRUST_LIST": _entry(
        Fault.OPERATOR,
        False,
        "The trust list {path} cannot be used: {cause}.",
        "Không dùng được danh sách tin cậy {path}: {cause}.",
        "Put the authorities' certificates there as *.pem; see docs/signed-pdfs.md.",
        "Đặt chứng thư của các tổ chức chứng thực vào đó dưới dạng *.pem; xem docs/signed-pdfs.md.",
    ),
    "E_EXTRA_MISSING": _entry(
        Fault.OPERATOR,
        False,
        "{setting} needs a part that is not installed: the extra '{extra}'.",
        "{setting} cần phần mở rộng '{extra}' chưa được cài đặt.",
        "Install lienthong[{extra}], or leave {setting} out.",
        "Cài lienthong[{extra}], hoặc bỏ {setting}.",
    ),
    "E_SETTING": _entry(
        Fault.OPERATOR,
        False,
        "The setting {name} is wrong: {cause}.",
        "Cấu hình {name} sai: {cause}.",
        "Correct it and start again.",
        "Sửa lại rồi khởi động lại.",
    ),
    "E_BROKER_NOT_FOUND": _entry(
        Fault.OPERATOR,
        False,
        "No RabbitMQ found: give an AMQP URL (LIENTHONG_AMQP_URL), install rabbitmq-server, start "
        "a Docker engine, or allow the package manager (LIENTHONG_MAY_INSTALL=yes). {cause}",
        "Không tìm thấy RabbitMQ: đặt địa chỉ AMQP (LIENTHONG_AMQP_URL), cài rabbitmq-server, bật "
        "Docker, hoặc cho phép cài gói (LIENTHONG_MAY_INSTALL=yes). {cause}",
        "Choose one of the four ways and start again.",
        "Chọn một trong bốn cách rồi khởi động lại.",
    ),
    "E_BROKER_START": _entry(
        Fault.OPERATOR,
        False,
        "RabbitMQ is installed, but its private node in {folder} did not start: {cause}.",
        "RabbitMQ đã được cài nhưng nút riêng tại {folder} không khởi động được: {cause}.",
        "See the files output and log in that folder; or give another RabbitMQ by "
        "LIENTHONG_AMQP_URL.",
        "Xem các tệp 'output' và 'log' trong thư mục đó; hoặc chỉ RabbitMQ khác bằng "
        "LIENTHONG_AMQP_URL.",
    ),
    "E_BROKER_LOGIN": _entry(
        Fault.OPERATOR,
        False,
        "The broker at {host} refuses the login of the account '{account}'.",
        "RabbitMQ tại {host} từ chối đăng nhập của tài khoản '{account}'.",
        "Correct account and password, in LIENTHONG_AMQP_URL and LIENTHONG_MANAGEMENT_URL where "
        "they are given; the account of the management interface needs the tag 'administrator'.",
        "Sửa tài khoản và mật khẩu, trong LIENTHONG_AMQP_URL và LIENTHONG_MANAGEMENT_URL nếu có "
        "đặt; tài khoản quản trị RabbitMQ cần thẻ 'administrator'.",
    ),
    "E_BROKER_CERTIFICATE": _entry(
        Fault.OPERATOR,
        False,
        "The certificate of the broker at {host} is not trusted.",
        "Chứng thư của RabbitMQ tại {host} không được tin cậy.",
        "Name the file of the authority that signed it in LIENTHONG_AMQP_CA, and in "
        "LIENTHONG_AMQP_URL the host that stands in it.",
        "Đặt tệp chứng thư của đơn vị đã ký vào LIENTHONG_AMQP_CA, và ghi trong LIENTHONG_AMQP_URL "
        "đúng tên máy có trong chứng thư.",
    ),
    "E_BROKER_RIGHTS": _entry(
        Fault.OPERATOR,
        False,
        "The broker at {host} gives the account '{account}' no right to {object}.",
        "RabbitMQ tại {host} không cho tài khoản '{account}' quyền đối với {object}.",
        "Correct the virtual host in LIENTHONG_AMQP_URL; at the hub, 'lienthong topology apply' "
        "gives every account its rights.",
        "Sửa máy chủ ảo trong LIENTHONG_AMQP_URL; tại trung tâm, 'lienthong topology apply' cấp "
        "quyền cho từng tài khoản.",
    ),
    "E_BROKER_LIMIT": _entry(
        Fault.WORLD,
        True,
        "The broker at {host} lets the account '{account}' open no connection now.",
        "RabbitMQ tại {host} hiện không cho tài khoản '{account}' mở kết nối.",
        "The agency is suspended, or has too many connections: ask the hub. It is tried again.",
        "Cơ quan đang bị tạm ngừng, hoặc có quá nhiều kết nối: hỏi trung tâm. Hệ thống sẽ thử lại.",
    ),
    "E_BROKER_QUEUE": _entry(
        Fault.WORLD,
        True,
        "The broker at {host} has no queue {object}.",
        "RabbitMQ tại {host} không có hàng đợi {object}.",
        "The hub makes it when its axis starts or the agency is added. It is tried again.",
        "Trung tâm tạo hàng đợi khi khởi động trục hoặc khi thêm cơ quan. Hệ thống sẽ thử lại.",
    ),
    "E_BROKER_REQUEST": _entry(
        Fault.OPERATOR,
        False,
        "The broker refuses the request {request} with status {status}.",
        "RabbitMQ từ chối yêu cầu {request} với mã {status}.",
        "Check virtual host, account and version of the broker; the detail quotes its answer.",
        "Kiểm tra máy chủ ảo, tài khoản và phiên bản RabbitMQ; phần chi tiết trích câu trả lời.",
    ),
    "E_TOPOLOGY": _entry(
        Fault.OPERATOR,
        False,
        "The broker's {object} is not as declared: {cause}.",
        "Đối tượng {object} trên RabbitMQ không đúng khai báo: {cause}.",
        "Run 'lienthong topology plan', then 'apply'.",
        "Chạy 'lienthong topology plan' rồi 'apply'.",
    ),
    "E_REVOCATION_SOURCE": _entry(
        Fault.WORLD,
        True,
        "The revocation source {source} gives no answer that counts: {cause}.",
        "Nguồn thông tin thu hồi {source} không trả lời hợp lệ: {cause}.",
        "Traffic goes on with its last answer; tell the certificate authority, or file a CRL.",
        "Vẫn dùng câu trả lời gần nhất; báo đơn vị cấp chứng thư hoặc nộp tệp CRL.",
    ),
    "E_DIRECTORY_UNSIGNED": _entry(
        Fault.OPERATOR,
        False,
        "The directory is not signed, and this home has a directory authority.",
        "Danh bạ chưa được ký, trong khi hệ thống đã có khóa ký danh bạ.",
        "Change it with 'lienthong agency' only. " + _RESTORE_EN,
        "Chỉ sửa bằng 'lienthong agency'. " + _RESTORE_VI,
    ),
    "E_DIRECTORY_SIGNATURE": _entry(
        Fault.OPERATOR,
        False,
        "The signature of the directory is not good: {cause}.",
        "Chữ ký của danh bạ không hợp lệ: {cause}.",
        "Do not use it. " + _RESTORE_EN,
        "Không dùng bản này. " + _RESTORE_VI,
    ),
    "E_DIRECTORY_ROLLBACK": _entry(
        Fault.OPERATOR,
        False,
        "The directory is of version {version}; version {seen} was here already.",
        "Danh bạ là phiên bản {version}; phiên bản {seen} đã từng được dùng.",
        "A directory only goes forward. " + _RESTORE_EN,
        "Danh bạ chỉ đi tới. " + _RESTORE_VI,
    ),
    "E_HOME_UNKNOWN": _entry(
        Fault.OPERATOR,
        False,
        "There is no axis in {home}: neither a directory nor keys lie there.",
        "Không có trục nào tại {home}: ở đó không có danh bạ và khóa.",
        "Check --home and LIENTHONG_HOME; 'lienthong up' sets a new axis up.",
        "Kiểm tra --home và LIENTHONG_HOME; 'lienthong up' tạo trục mới.",
    ),
    "E_PATH": _entry(
        Fault.OPERATOR,
        False,
        "{path} cannot be read or written: {cause}.",
        "Không đọc hoặc ghi được {path}: {cause}.",
        "Give the account that runs this the right to read and write there; see whether the disk "
        "is full or mounted read-only.",
        "Cấp quyền đọc và ghi tại đó cho tài khoản đang chạy; kiểm tra ổ đĩa có đầy hay chỉ cho "
        "đọc không.",
    ),
    "E_HOME_IN_USE": _entry(
        Fault.OPERATOR,
        False,
        "Another process (pid {pid}) already runs the axis in {home}.",
        "Tiến trình khác (pid {pid}) đang chạy trục tại {home}.",
        "Stop it first, or choose another --home.",
        "Dừng tiến trình đó hoặc chọn --home khác.",
    ),
    "E_CHILD_REFUSED": _entry(
        Fault.OPERATOR,
        False,
        "`lienthong {command}` ends again and again at its start; its own message says why.",
        "`lienthong {command}` liên tục kết thúc ngay khi khởi động; thông báo của nó nêu lý do.",
        "Read the message of that process above, mend what it names, and start again.",
        "Đọc thông báo của tiến trình đó ở trên, sửa điều được nêu, rồi khởi động lại.",
    ),
    "E_AXIS_UNSEEN": _entry(
        Fault.OPERATOR,
        False,
        "No axis that shows its metrics runs in {home}.",
        "Không có trục nào đang chạy và cung cấp số đo tại {home}.",
        "Start it with 'lienthong up', without LIENTHONG_METRICS=false, or choose another --home.",
        "Khởi động bằng 'lienthong up', không đặt LIENTHONG_METRICS=false, hoặc chọn --home khác.",
    ),
    "E_AXIS_AWAY": _entry(
        Fault.WORLD,
        True,
        "The axis does not answer at {url}.",
        "Trục không phản hồi tại {url}.",
        "See whether 'lienthong up' still runs; it is asked again.",
        "Xem 'lienthong up' còn chạy không; hệ thống sẽ hỏi lại.",
    ),
    "E_AGENCY_UNKNOWN": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} is not in the directory.",
        "Cơ quan {code} không có trong danh bạ.",
        "See 'lienthong agency list', or add it with 'lienthong agency add'.",
        "Xem 'lienthong agency list' hoặc thêm bằng 'lienthong agency add'.",
    ),
    "E_AGENCY_ENDED": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} ended on {date} and names no successor.",
        "Cơ quan {code} hết hiệu lực ngày {date} và không có cơ quan kế thừa.",
        "Use the code of the body that took over; see 'lienthong agency list'.",
        "Dùng mã của cơ quan tiếp nhận chức năng; xem 'lienthong agency list'.",
    ),
    "E_AGENCY_UNCONNECTED": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} has no mailbox, and none of its superiors has one.",
        "Cơ quan {code} chưa có hộp thư, cơ quan cấp trên cũng chưa có.",
        "Connect it, or one of its superiors; see 'lienthong agency list'.",
        "Kết nối cơ quan này hoặc một cơ quan cấp trên; xem 'lienthong agency list'.",
    ),
    "E_DIRECTORY": _entry(
        Fault.OPERATOR,
        False,
        "The directory {file} cannot be read.",
        "Không đọc được danh bạ {file}.",
        _RESTORE_EN,
        _RESTORE_VI,
    ),
    "E_DIRECTORY_BYTES": _entry(
        Fault.OPERATOR,
        False,
        "The directory would have {size} bytes; the limit is {limit}.",
        "Danh bạ sẽ có {size} byte; giới hạn là {limit}.",
        "Nothing was changed. Leave out agencies that have ended, or aliases.",
        "Chưa có gì thay đổi. Bỏ bớt cơ quan đã ngừng hoạt động hoặc mã phụ.",
    ),
    "E_DIRECTORY_WRITE": _entry(
        Fault.OPERATOR,
        False,
        "The directory {file} cannot be written: {cause}.",
        "Không ghi được danh bạ {file}: {cause}.",
        "Nothing was changed. Free the disk or correct the rights of the folder, and try again.",
        "Chưa có gì thay đổi. Giải phóng đĩa hoặc sửa quyền của thư mục rồi thử lại.",
    ),
    "E_DIRECTORY_VERSION": _entry(
        Fault.OPERATOR,
        False,
        "Version {version} of the directory is not kept here.",
        "Phiên bản {version} của danh bạ không được lưu ở đây.",
        "See which versions are kept with 'lienthong directory history'.",
        "Xem các phiên bản còn lưu bằng 'lienthong directory history'.",
    ),
    "E_DIRECTORY_CHANGED": _entry(
        Fault.OPERATOR,
        False,
        "The directory was changed meanwhile: it is at version {version}.",
        "Danh bạ vừa được thay đổi: đang ở phiên bản {version}.",
        "Nothing was changed by this command. Look at the difference again.",
        "Lệnh này chưa thay đổi gì. Hãy xem lại phần khác biệt.",
    ),
    "E_DIRECTORY_UNSERVED": _entry(
        Fault.OPERATOR,
        False,
        "No mailbox of {names} would be served any more.",
        "Hộp thư của {names} sẽ không còn được phục vụ.",
        "Retire the agency instead ('lienthong agency retire'): what its mailbox holds is still "
        "handed over. Or say --force: that stays at the broker, and its account is shut out.",
        "Hãy cho cơ quan ngừng hoạt động ('lienthong agency retire'): văn bản còn trong hộp thư "
        "vẫn được giao. Hoặc thêm --force: văn bản nằm lại ở RabbitMQ và tài khoản bị khóa.",
    ),
    "E_AGENCY_IN_USE": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} cannot be removed: {names} refer to it, as their parent or successor.",
        "Không xóa được cơ quan {code}: {names} đang lấy làm cơ quan cấp trên hoặc kế thừa.",
        "Change these first ('lienthong agency edit'), or retire the agency.",
        "Sửa các cơ quan này trước ('lienthong agency edit') hoặc cho cơ quan ngừng hoạt động.",
    ),
    "E_AGENCY_SUCCESSOR": _entry(
        Fault.OPERATOR,
        False,
        "The agency {successor} cannot take over on {date}: it has ended by then, or does not "
        "exist yet.",
        "Cơ quan {successor} không thể tiếp nhận vào {date}: khi đó đã ngừng hoặc chưa hoạt động.",
        "Choose a successor that is valid on this day.",
        "Chọn cơ quan kế thừa còn hiệu lực vào ngày này.",
    ),
    "E_TABLE_ENCODING": _entry(
        Fault.OPERATOR,
        False,
        "The table is no text in UTF-8 (or UTF-16 with its byte order mark).",
        "Bảng không phải văn bản UTF-8 (hoặc UTF-16 có dấu BOM).",
        "Save it as 'CSV UTF-8' and try again.",
        "Lưu lại thành 'CSV UTF-8' rồi thử lại.",
    ),
    "E_TABLE_QUOTES": _entry(
        Fault.OPERATOR,
        False,
        "The quotation marks are wrong: text stands behind a closing one, or one is not closed.",
        "Sai dấu nháy kép: có chữ sau dấu đóng hoặc thiếu dấu đóng.",
        "A cell that holds quotation marks, separators or line ends stands in quotation marks, and "
        "those within it are doubled.",
        "Ô có dấu nháy kép, dấu phân cách hoặc xuống dòng phải đặt trong nháy kép và viết đôi dấu "
        "nháy bên trong.",
    ),
    "E_TABLE_CELLS": _entry(
        Fault.OPERATOR,
        False,
        "The row has {count} cells, the header {limit}.",
        "Hàng có {count} ô, dòng tiêu đề có {limit}.",
        "Does a cell hold the separator without quotation marks?",
        "Có ô nào chứa dấu phân cách mà không đặt trong nháy kép không?",
    ),
    "E_TABLE_COLUMN": _entry(
        Fault.OPERATOR,
        False,
        "There is no column {name}; the columns are: {known}.",
        "Không có cột {name}; các cột là: {known}.",
        "Correct the header; 'lienthong agency export' shows one.",
        "Sửa dòng tiêu đề; xem mẫu bằng 'lienthong agency export'.",
    ),
    "E_TABLE_COLUMN_TWICE": _entry(
        Fault.OPERATOR,
        False,
        "The column {name} stands in the header twice.",
        "Cột {name} có hai lần trong dòng tiêu đề.",
        "Leave one of them out.",
        "Bỏ bớt một cột.",
    ),
    "E_TABLE_COLUMN_MISSING": _entry(
        Fault.OPERATOR,
        False,
        "The header has no column {name}.",
        "Dòng tiêu đề thiếu cột {name}.",
        "The first row names the columns; 'lienthong agency export' shows one.",
        "Hàng đầu nêu tên các cột; xem mẫu bằng 'lienthong agency export'.",
    ),
    "E_TABLE_VALUE": _entry(
        Fault.OPERATOR,
        False,
        "'{value}' is none of: {named}.",
        "'{value}' không thuộc: {named}.",
        "Correct the cell.",
        "Sửa ô này.",
    ),
    "E_TABLE_DATE": _entry(
        Fault.OPERATOR,
        False,
        "'{value}' is no date such as 2025-07-01 or 1/7/2025, from {first} to {second}.",
        "'{value}' không phải ngày như 2025-07-01 hoặc 1/7/2025, từ {first} đến {second}.",
        "Correct the date.",
        "Sửa lại ngày.",
    ),
    "E_TABLE_ALIAS": _entry(
        Fault.OPERATOR,
        False,
        "'{value}' is no alias such as 000.05.00.H24 or H53.05[2020-09-15..2025-06-30].",
        "'{value}' không phải mã phụ như 000.05.00.H24 hoặc H53.05[2020-09-15..2025-06-30].",
        "Aliases stand apart by '|'; write \\, \\| and \\[ for these signs within a code.",
        "Các mã phụ cách nhau bằng '|'; trong mã thì viết \\, \\| và \\[ cho các dấu này.",
    ),
    "E_TABLE_THUMBPRINT": _entry(
        Fault.OPERATOR,
        False,
        "'{value}' is no thumbprint of a certificate: 43 characters of A-Z, a-z, 0-9, '_' and '-'.",
        "'{value}' không phải dấu vân tay chứng thư: 43 ký tự gồm A-Z, a-z, 0-9, '_' và '-'.",
        "See the thumbprints with 'lienthong keys list'; several stand apart by '|'.",
        "Xem bằng 'lienthong keys list'; nhiều giá trị cách nhau bằng '|'.",
    ),
    "E_TABLE_ROW_TWICE": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} stands in row {first} already.",
        "Cơ quan {code} đã có ở hàng {first}.",
        "Leave one of the rows out.",
        "Bỏ bớt một hàng.",
    ),
    "E_DIRECTORY_MISSING": _entry(
        Fault.OPERATOR,
        False,
        "The directory {file} is missing, though version {seen} was here.",
        "Thiếu danh bạ {file}, trong khi phiên bản {seen} đã từng được dùng.",
        _RESTORE_EN,
        _RESTORE_VI,
    ),
    "E_DIRECTORY_HUB": _entry(
        Fault.OPERATOR,
        False,
        "The hub's directory {file} and its authority {folder} must be copied here.",
        "Phải chép danh bạ {file} và khóa công khai của đơn vị ký {folder} từ trung tâm về đây.",
        "Lay them out at the hub with 'lienthong agency credentials'.",
        "Tại trung tâm, chạy 'lienthong agency credentials' để chuẩn bị các tệp này.",
    ),
    "E_DIRECTORY_CODE": _entry(
        Fault.OPERATOR,
        False,
        "{code} cannot be an agency's own code: that has at most 64 characters of A-Z, a-z, 0-9, "
        "'.', '_' and '-', and no '.' in front.",
        "{code} không dùng được làm mã chính của cơ quan: mã có tối đa 64 ký tự gồm A-Z, a-z, "
        "0-9, '.', '_', '-' và không bắt đầu bằng '.'.",
        "Choose another code; a code of other characters can be an alias ('--alias'). "
        + _DIRECTORY_EN,
        "Chọn mã khác; mã có ký tự khác có thể là mã phụ ('--alias'). " + _DIRECTORY_VI,
    ),
    "E_DIRECTORY_ALIAS": _entry(
        Fault.OPERATOR,
        False,
        "{alias} cannot be a code of {code}: it has more than 64 characters, blanks at an end, "
        "invisible characters, or letters in another normal form than NFC.",
        "{alias} không dùng được làm mã của {code}: dài quá 64 ký tự, có dấu cách ở đầu hoặc cuối, "
        "có ký tự ẩn, hoặc chữ không ở dạng chuẩn NFC.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_NAME": _entry(
        Fault.OPERATOR,
        False,
        "The name of {code} is empty, has more than {limit} characters, or holds control or "
        "invisible characters.",
        "Tên của {code} để trống, dài quá {limit} ký tự, hoặc có ký tự điều khiển hay ký tự ẩn.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_TWICE": _entry(
        Fault.OPERATOR,
        False,
        "The agency {code} stands in the directory twice.",
        "Cơ quan {code} có hai lần trong danh bạ.",
        "To change an agency, use 'lienthong agency edit'. " + _DIRECTORY_EN,
        "Muốn sửa cơ quan thì dùng 'lienthong agency edit'. " + _DIRECTORY_VI,
    ),
    "E_DIRECTORY_AMBIGUOUS": _entry(
        Fault.OPERATOR,
        False,
        "The code {alias} names {code} and {other} at the same time.",
        "Mã {alias} cùng lúc chỉ cả {code} và {other}.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_MAILBOX": _entry(
        Fault.OPERATOR,
        False,
        "{code} and {other} would have the same queues at the broker: '.' and '-' count the same "
        "there, and so do capital and small letters.",
        "{code} và {other} sẽ dùng chung hàng đợi: ở đó '.' và '-' như nhau, chữ hoa và chữ thường "
        "cũng như nhau.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_PARENT": _entry(
        Fault.OPERATOR,
        False,
        "The parent {other} of {code} is not in the directory.",
        "Cơ quan cấp trên {other} của {code} không có trong danh bạ.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_PARENT_CIRCLE": _entry(
        Fault.OPERATOR,
        False,
        "{code} is its own parent, by way of {other}.",
        "{code} là cấp trên của chính mình, qua {other}.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_SUCCESSOR": _entry(
        Fault.OPERATOR,
        False,
        "The successor {other} of {code} is not in the directory.",
        "Cơ quan kế thừa {other} của {code} không có trong danh bạ.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_SUCCESSOR_CIRCLE": _entry(
        Fault.OPERATOR,
        False,
        "{code} is its own successor, by way of {other}.",
        "{code} là cơ quan kế thừa của chính mình, qua {other}.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_ALIAS_OWNER": _entry(
        Fault.OPERATOR,
        False,
        "The alias {alias} names {code}, which is not in the directory.",
        "Mã phụ {alias} chỉ {code}, nhưng {code} không có trong danh bạ.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_PERIOD": _entry(
        Fault.OPERATOR,
        False,
        "The code {alias} of {code} ends before it begins.",
        "Mã {alias} của {code} hết hiệu lực trước khi có hiệu lực.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_DIRECTORY_SIZE": _entry(
        Fault.OPERATOR,
        False,
        "The directory has more than {limit} agencies, or more than {limit} aliases.",
        "Danh bạ có hơn {limit} cơ quan hoặc hơn {limit} mã phụ.",
        _DIRECTORY_EN,
        _DIRECTORY_VI,
    ),
    "E_KEYS": _entry(
        Fault.OPERATOR,
        False,
        "The key material of {agency} cannot be used: {cause}.",
        "Không dùng được khóa của {agency}: {cause}.",
        "See 'lienthong keys show' and mend the files.",
        "Xem 'lienthong keys show' và sửa các tệp khóa.",
    ),
    # Ours.
    "E_INTERNAL": _entry(
        Fault.OURS,
        False,
        "An unexpected error in {stage}: {cause}.",
        "Lỗi không lường trước tại {stage}: {cause}.",
        "Report it with the fingerprint; the original is kept.",
        "Báo lỗi kèm dấu vân; bản gốc được giữ lại.",
    ),
    "E_FORMAT_CRASHED": _entry(
        Fault.OURS,
        False,
        "The format {format} crashed, or did not finish in time, over this (times: {times}).",
        "Bộ định dạng {format} bị hỏng hoặc không xong đúng hạn vì nội dung này (số lần: {times}).",
        "Report it to whoever made the format; the original is kept.",
        "Báo cho bên cung cấp bộ định dạng; bản gốc được giữ lại.",
    ),
    "E_DELIVERY_LIMIT": _entry(
        Fault.OURS,
        False,
        "The delivery was returned to the broker too often: the worker keeps crashing on it.",
        "Lượt gửi bị trả lại RabbitMQ quá nhiều lần: tiến trình liên tục hỏng vì nó.",
        "Report it with the fingerprint; replay it after an upgrade.",
        "Báo lỗi kèm dấu vân; phát lại sau khi nâng cấp.",
        exception=FailureClass.DELIVERY_LIMIT,
    ),
    "E_EXPIRED": _entry(
        Fault.OPERATOR,
        False,
        "The delivery waited in its mailbox for longer than a policy of the broker allows.",
        "Lượt gửi chờ trong hộp thư lâu hơn chính sách của RabbitMQ cho phép.",
        "Find out why nobody fetched it, then replay it.",
        "Tìm nguyên nhân không ai nhận, sau đó phát lại.",
        exception=FailureClass.EXPIRED,
    ),
    "E_FAILURE_UNREADABLE": _entry(
        Fault.OURS,
        False,
        "A message in 'failures' does not say what failed; not understood: {header}.",
        "Một thông điệp trong 'failures' không nêu lỗi gì; không hiểu được: {header}.",
        "Look at its original bytes; replay it when it is a delivery.",
        "Xem dữ liệu gốc; phát lại nếu đó là một lượt gửi.",
    ),
    "E_REPORT_INVALID": _security(
        "Account {account} published to 'failures' what no worker reports so: {header}.",
        "Tài khoản {account} gửi vào 'failures' thứ mà không tiến trình nào báo như vậy: {header}.",
        "Ask whoever holds the account what publishes there; suspend it if nobody knows.",
        "Hỏi bên giữ tài khoản xem cái gì đang gửi vào đó; tạm dừng tài khoản nếu không ai biết.",
    ),
    # Operators at work on dead letters.
    "E_LETTER_UNREADABLE": _entry(
        Fault.OURS,
        False,
        "The row of this dead letter in the database cannot be used: {cause}.",
        "Không dùng được dòng dữ liệu của thư này trong cơ sở dữ liệu: {cause}.",
        "Ask who wrote into the database; restore the row from a backup.",
        "Hỏi ai đã ghi vào cơ sở dữ liệu; khôi phục dòng đó từ bản sao lưu.",
    ),
    "E_ORDER_UNREADABLE": _entry(
        Fault.OPERATOR,
        False,
        "The row of order {id} in the database cannot be used.",
        "Không dùng được dòng dữ liệu của lệnh {id} trong cơ sở dữ liệu.",
        "Ask who wrote into the database; restore the row from a backup.",
        "Hỏi ai đã ghi vào cơ sở dữ liệu; khôi phục dòng đó từ bản sao lưu.",
    ),
    "E_LETTER_UNKNOWN": _entry(
        Fault.OPERATOR,
        False,
        "No dead letter {id} is known.",
        "Không có thư lỗi {id}.",
        "See 'lienthong dlq list'.",
        "Xem 'lienthong dlq list'.",
    ),
    "E_LETTER_AMBIGUOUS": _entry(
        Fault.OPERATOR,
        False,
        "Several dead letters begin with {id}.",
        "Nhiều thư lỗi bắt đầu bằng {id}.",
        "Give more of its digits; 'lienthong dlq list --json' shows them all.",
        "Nhập thêm ký tự của mã; 'lienthong dlq list --json' hiện đầy đủ.",
    ),
    "E_GROUP_UNKNOWN": _entry(
        Fault.OPERATOR,
        False,
        "No group {id} of dead letters is known.",
        "Không có nhóm thư lỗi {id}.",
        "See 'lienthong dlq groups'.",
        "Xem 'lienthong dlq groups'.",
    ),
    "E_GROUP_AMBIGUOUS": _entry(
        Fault.OPERATOR,
        False,
        "Several groups begin with {id}.",
        "Nhiều nhóm bắt đầu bằng {id}.",
        "Give more of its digits; 'lienthong dlq groups --json' shows them all.",
        "Nhập thêm ký tự của mã; 'lienthong dlq groups --json' hiện đầy đủ.",
    ),
    "E_OUTPUT_EXISTS": _entry(
        Fault.OPERATOR,
        False,
        "The file {file} exists already.",
        "Tệp {file} đã tồn tại.",
        "Choose another name; nothing is overwritten.",
        "Chọn tên khác; không ghi đè tệp nào.",
    ),
    "E_INPUT": _entry(
        Fault.OPERATOR,
        False,
        "{path} cannot be read: {cause}.",
        "Không đọc được {path}: {cause}.",
        "Check the name of the file and the right to read it.",
        "Kiểm tra tên tệp và quyền đọc tệp.",
    ),
    "E_OUTPUT": _entry(
        Fault.OPERATOR,
        False,
        "{path} cannot be written: {cause}.",
        "Không ghi được vào {path}: {cause}.",
        "Choose a place that you may write to and that has room; nothing was left there.",
        "Chọn nơi được phép ghi và còn chỗ trống; không có gì được để lại ở đó.",
    ),
    "E_SELECTION_EMPTY": _entry(
        Fault.OPERATOR,
        False,
        "Nothing was chosen: name dead letters, a group, or a filter.",
        "Chưa chọn gì: nêu mã thư lỗi, nhóm hoặc bộ lọc.",
        "See 'lienthong dlq groups' for what waits; --all takes everything.",
        "Xem 'lienthong dlq groups'; --all chọn tất cả.",
    ),
    "E_ORDER_UNKNOWN": _entry(
        Fault.OPERATOR,
        False,
        "No order {id} is known.",
        "Không có lệnh {id}.",
        "See 'lienthong dlq orders'.",
        "Xem 'lienthong dlq orders'.",
    ),
    "E_ORDER_STATE": _entry(
        Fault.OPERATOR,
        False,
        "The order {id} is {state}: that is no longer possible.",
        "Lệnh {id} đang ở trạng thái {state}: không thể làm việc này.",
        "See 'lienthong dlq orders'.",
        "Xem 'lienthong dlq orders'.",
    ),
    "E_NEEDS_YES": _entry(
        Fault.OPERATOR,
        False,
        "This would touch {count} dead letters; above {limit} it must be said twice.",
        "Việc này tác động {count} thư lỗi; trên {limit} cần xác nhận.",
        "Look with --dry-run, then repeat with --yes.",
        "Xem trước bằng --dry-run, rồi lặp lại với --yes.",
    ),
    "E_SAME_OPERATOR": _entry(
        Fault.OPERATOR,
        False,
        "{operator} gave this order; somebody else must approve it.",
        "{operator} đã ra lệnh này; người khác phải phê duyệt.",
        "Ask a second operator for 'lienthong dlq approve'.",
        "Nhờ người vận hành khác chạy 'lienthong dlq approve'.",
    ),
    "E_REROUTE": _entry(
        Fault.OPERATOR,
        False,
        "Mailbox {mailbox} does not serve a recipient of dead letter {id}.",
        "Hộp thư {mailbox} không phục vụ bên nhận của thư lỗi {id}.",
        "A dead letter may only go to a mailbox that serves the same recipient.",
        "Thư lỗi chỉ được chuyển tới hộp thư phục vụ cùng bên nhận.",
    ),
}

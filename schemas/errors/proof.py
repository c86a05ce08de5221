"""What an envelope, its signature, its certificate or its encryption fails to prove."""

from schemas.errors.entry import entries

PROOF = entries(
    """
    E_SIGNATURE_MISSING: sender, security
        The envelope is not signed.
        Phong bì không có chữ ký.
        {SECURITY}
    E_SIGNATURE_INVALID: sender, security
        The signature does not match the envelope: {cause}.
        Chữ ký không khớp phong bì: {cause}.
        {SECURITY}
    E_SIGNATURE_ALGORITHM: sender, security
        The signature algorithm {alg} is not accepted.
        Thuật toán ký {alg} không được chấp nhận.
        Sign with ES256, EdDSA, PS256 or RS256.
        Ký bằng ES256, EdDSA, PS256 hoặc RS256.
    E_CERTIFICATE_UNKNOWN: sender, security
        The signing certificate {thumbprint} is not known.
        Không biết chứng thư ký {thumbprint}.
        Import the sender's certificate into the directory.
        Nhập chứng thư của bên gửi vào danh bạ.
    E_CERTIFICATE_UNTRUSTED: sender, security
        The signing certificate is not trusted: {cause}.
        Chứng thư ký không đáng tin cậy: {cause}.
        {SECURITY}
    E_CERTIFICATE_EXPIRED: sender, security
        The certificate was not valid when the content was signed ({signed_at}).
        Chứng thư không có hiệu lực lúc ký ({signed_at}).
        Renew the sender's certificate and send again.
        Gia hạn chứng thư của bên gửi rồi gửi lại.
    E_CERTIFICATE_REVOKED: sender, security
        The certificate was revoked on {at} ({reason}, according to {source}); the content was
            signed on {signed_at}.
        Chứng thư bị thu hồi lúc {at} ({reason}, theo {source}); nội dung ký lúc {signed_at}.
        Sign with a valid certificate and send again.
        Ký bằng chứng thư còn hiệu lực rồi gửi lại.
    E_CLOCK_SKEW: sender
        The signing time {signed_at} is {seconds} seconds ahead of our clock.
        Thời điểm ký {signed_at} đi trước đồng hồ của chúng tôi {seconds} giây.
        Set the sender's clock by NTP and send again.
        Đồng bộ đồng hồ của bên gửi qua NTP rồi gửi lại.
    E_FORGED: sender, security
        The envelope contradicts itself: {cause}.
        Phong bì tự mâu thuẫn: {cause}.
        {SECURITY}
    E_HEADER_CONTRADICTS: sender, security
        The message header {header} says {said}, but the signed content says {signed}.
        Thuộc tính {header} của thông điệp ghi {said}, nhưng nội dung đã ký ghi {signed}.
        {SECURITY}
    E_HEADER_FOREIGN: sender, security
        No sender on the axis sets this message property, or none sets this value: {header}.
        Thông điệp có thuộc tính mà không bên gửi nào trên trục đặt như vậy: {header}.
        {SECURITY}
    E_NOT_ADDRESSED: sender, security
        The envelope does not name {mailbox} as a recipient.
        Phong bì không ghi {mailbox} là bên nhận.
        {SECURITY}
    E_ENVELOPE: sender
        The envelope does not fit the wire contract: {cause}.
        Phong bì không đúng giao ước truyền: {cause}.
        Upgrade the sender's software.
        Nâng cấp phần mềm của bên gửi.
    E_UNSUPPORTED_VERSION: sender
        The wire version {version} is newer than ours.
        Phiên bản giao ước {version} mới hơn phiên bản của chúng tôi.
        Upgrade the recipient's software, then replay.
        Nâng cấp phần mềm bên nhận rồi phát lại.
    E_CONFLICT: sender, conflict
        Document {document_id} arrived earlier with different content: {cause}.
        Văn bản {document_id} đã đến trước đó với nội dung khác: {cause}.
        A person must decide. To change a document, send an update or a replacement.
        Cần người quyết định. Muốn sửa văn bản, hãy gửi cập nhật hoặc thay thế.
    E_ATTACHMENT_ABSENT: sender
        The attachment store does not hold {name} ({sha256}).
        Kho tệp không có {name} ({sha256}).
        Send the document again.
        Gửi lại văn bản.
    E_ATTACHMENT_AWAY: world, retryable, not_there_yet
        The attachment store does not hold {name} ({sha256}) yet.
        Kho tệp chưa có {name} ({sha256}).
        The delivery waits and is tried again. If the file does not come, find out whether this
            machine and that of the sending agency use the same attachment store.
        Lượt giao đang chờ và sẽ được thử lại. Nếu tệp vẫn không đến, kiểm tra xem máy này và máy
            của cơ quan gửi có dùng cùng một kho tệp không.
    E_ATTACHMENT_DIGEST: sender, security
        Attachment {name} does not match its digest {sha256}.
        Tệp đính kèm {name} không khớp mã băm {sha256}.
        {SECURITY}
    E_SEAL_RECIPIENT: sender
        The document must be sealed, but {mailbox} has no valid sealing key.
        Văn bản phải được niêm phong nhưng {mailbox} không có khóa niêm phong còn hiệu lực.
        Ask that agency to publish a sealing key, or remove it from the receivers.
        Đề nghị cơ quan đó công bố khóa niêm phong, hoặc bỏ cơ quan đó khỏi danh sách nhận.
    E_SEAL_KEY_FORGED: sender
        Nothing proves that the sealing key published for {mailbox} is its own: {cause}.
        Khóa niêm phong công bố cho {mailbox} không được chứng minh là của cơ quan đó: {cause}.
        Nothing was sent. Do not trust this key; tell the axis operator and that agency.
        Chưa gửi gì. Không tin khóa này; báo cho đơn vị vận hành trục và cơ quan đó.
    E_SEAL_REQUIRED: sender
        {mailbox} seals what it sends, but this document is not sealed.
        {mailbox} luôn niêm phong văn bản gửi đi nhưng văn bản này không được niêm phong.
        Send it again, sealed.
        Gửi lại ở dạng niêm phong.
    E_SEAL_STATUS: sender
        A status message cannot be sealed; it contains only the document's number.
        Không niêm phong được gói trạng thái; gói này chỉ nêu số văn bản.
        Send the file again under a name without '.sealed'.
        Đặt tên tệp không có '.sealed' rồi gửi lại.
    E_SEAL_NO_KEY: operator
        The private sealing key {key_id} of {mailbox} is not stored here.
        Không có khóa niêm phong bí mật {key_id} của {mailbox} ở đây.
        Restore the key from the backup of the agency's keys, then replay.
        Khôi phục khóa từ bản sao lưu khóa của cơ quan rồi phát lại.
    E_SEAL_NOT_WRAPPED: sender, security
        The document is addressed to {mailbox}, but it is not sealed for this mailbox.
        Văn bản ghi {mailbox} là bên nhận nhưng không được niêm phong cho {mailbox}.
        Its sender must send it again, sealed for this mailbox.
        Bên gửi phải gửi lại, niêm phong cho hộp thư này.
    E_SEAL_BROKEN: sender, security
        The sealed content cannot be opened: {cause}.
        Không mở được nội dung niêm phong: {cause}.
        {SECURITY}
    E_SEAL_SUITE: sender, security
        The cipher suite {suite} of the seal is unknown, or the key is of another suite.
        Bộ mật mã niêm phong {suite} không đúng với khóa hoặc không được biết.
        {SECURITY}
    E_SEAL_DOWNGRADE: sender, security
        The document is sealed with the weaker suite {suite}, although a key for {stronger} was
            published.
        Văn bản được niêm phong bằng bộ mật mã yếu hơn {suite} dù đã công bố khóa cho {stronger}.
        {SECURITY}
    E_SEAL_BINDING: sender, security
        The sealed content belongs to another envelope: {what} differs.
        Nội dung niêm phong được tạo cho phong bì khác: {what} không khớp.
        {SECURITY}
    E_SEAL_SIGNATURE: sender, security
        The signature of the sealed content proves nothing: {cause}.
        Chữ ký bên trong niêm phong không đáng tin: {cause}.
        {SECURITY}
    """
)

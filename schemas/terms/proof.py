"""Why an envelope or a seal proves nothing."""

from schemas.language import texts

PROOF = texts(
    """
    # The signature of an envelope (JWS).
    jws_long | it is longer than {limit} characters | dài hơn {limit} ký tự
    jws_no_match | the key that it names did not sign these bytes
        | chữ ký không do khóa được nêu tạo ra trên nội dung này
    jws_form | it is not a compact JWS with a detached payload
        | không phải JWS dạng gọn với nội dung tách rời
    jws_base64url | the signature is not base64url | chữ ký không phải base64url
    jws_header_long | the header is longer than {limit} characters | phần đầu dài hơn {limit} ký tự
    jws_header_json | the header is not base64url of JSON with names that are used once
        | phần đầu không phải base64url của JSON với mỗi tên một lần
    jws_header_object | the header is not a JSON object | phần đầu không phải đối tượng JSON
    jws_critical | the header must say b64 false, and list b64 alone as critical
        | phần đầu phải ghi b64 là false và chỉ nêu b64 trong crit
    jws_own_key | the header contains a key of its own | phần đầu mang theo khóa riêng
    jws_no_thumbprint | the header names no certificate (x5t#S256)
        | phần đầu không nêu chứng thư (x5t#S256)
    jws_no_time | the header gives no signing time in whole seconds (iat)
        | phần đầu không nêu thời điểm ký theo giây (iat)
    jws_time_range | the signing time (iat) is out of range
        | thời điểm ký (iat) ngoài khoảng cho phép
    # What is in conflict with an envelope.
    arrived_before | “{subject}” of {at}, envelope {sha256}
        | “{subject}” lúc {at}, phong bì {sha256}
    arrived_before_untold | at {at}, envelope {sha256} | lúc {at}, phong bì {sha256}
    arriving_before | envelope {sha256}, which is being handed over
        | phong bì {sha256}, đang được chuyển giao
    arrived_before_unknown | nothing more is known about it | không còn biết gì về văn bản đó
    # An envelope.
    signed_by_other | signed by {signer}, but sent by {sender} | do {signer} ký nhưng {sender} gửi
    published_by_other | published by {account}, but sent by {sender}
        | do tài khoản {account} đưa lên nhưng {sender} gửi
    content_of_other | it is sent by {sender}, but its content names {said} as the sender
        | do {sender} gửi nhưng nội dung ghi bên gửi là {said}
    content_to_other | it is sent to {recipient}, but its content names {said} as the receiver
        | gửi tới {recipient} nhưng nội dung ghi bên nhận là {said}
    nobody | nobody | không ai
    content_hash | the content hash does not follow from the content
        | mã băm nội dung không khớp nội dung
    envelope_id | the envelope id does not follow from the content | mã phong bì không khớp nội dung
    # A seal.
    seal_empty | there is no signed content in it | bên trong không có nội dung đã ký
    seal_schema | the content does not follow its schema | nội dung không đúng lược đồ
    seal_changed | it was changed, or belongs to another envelope
        | niêm phong đã bị sửa hoặc thuộc phong bì khác
    file_changed | a file was changed or cut off | có tệp bị sửa hoặc cắt cụt
    file_cut | a file was cut off | có tệp bị cắt cụt
    file_other | a file is not the one that the document names
        | có tệp không phải tệp mà văn bản nêu
    statement_schema | the statement does not follow its schema | bản công bố không đúng lược đồ
    key_of_other | it is a key of {owner}, signed by {signer}
        | là khóa của {owner} nhưng do {signer} ký
    public_key_unreadable | the public key cannot be read | không đọc được khóa công khai
    no_published_key | the file holds no published key | tệp không chứa khóa đã công bố
    no_private_sealing_key | the file holds no private sealing key of this mailbox
        | tệp không chứa khóa niêm phong bí mật của hộp thư này
    """
)

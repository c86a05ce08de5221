"""Why a source of revocations proves nothing, and why a certificate was revoked."""

from schemas.language import texts

REVOCATION = texts(
    """
    answer_future | its time is in the future ({at}) | câu trả lời đến từ tương lai ({at})
    answer_stale | it is out of date since {at} | câu trả lời đã cũ từ {at}
    list_unreadable | the list cannot be read ({error}) | danh sách không đọc được (mã {error})
    list_of_other | it is the list of {issuer} | là danh sách của {issuer}
    answer_weak | it is signed with {algorithm} | được ký bằng {algorithm}
    list_issuer_key | the key of its authority must not sign lists
        | khóa của tổ chức chứng thực không dùng để ký danh sách
    list_signature | its authority did not sign it | chữ ký không phải của tổ chức chứng thực
    list_critical | it has the critical extension {oid}, which is not understood
        | có phần mở rộng bắt buộc {oid} không được hiểu
    list_delta | it lists changes only | chỉ liệt kê thay đổi
    list_indirect | it lists certificates of several authorities
        | liệt kê chứng thư của nhiều tổ chức chứng thực
    list_about_others | it is about other certificates of its authority
        | là danh sách về những chứng thư khác của tổ chức chứng thực
    list_entry_critical | an entry has the critical extension {oid}, which is not understood
        | một mục có phần mở rộng bắt buộc {oid} không được hiểu
    list_issuer_invalid | the certificate of its authority is not valid now
        | chứng thư của tổ chức chứng thực hiện không có hiệu lực
    list_signature_kind | its signature cannot be verified ({error})
        | không kiểm tra được chữ ký (mã {error})
    list_unnamed | no certificate names it any more | không còn chứng thư nào nêu nguồn này
    list_unasked | it is not the list of a trusted authority
        | không phải danh sách của tổ chức chứng thực được tin cậy
    responder_says | the responder says {status} | bên trả lời báo {status}
    response_unreadable | the response cannot be read ({error})
        | câu trả lời không đọc được (mã {error})
    responder_unknowing | the responder does not know the certificate of {subject}
        | bên trả lời không biết chứng thư của {subject}
    answer_of_other | it is about another certificate | câu trả lời nói về chứng thư khác
    answer_nonce | it answers another request | câu trả lời dành cho câu hỏi khác
    responder_unnamed | the certificate of its signer is missing | thiếu chứng thư của bên đã ký
    responder_signature | the responder that it names did not sign it
        | chữ ký không phải của bên trả lời được nêu
    responder_uncertified | the authority itself did not certify the responder
        | bên trả lời không do chính tổ chức chứng thực cấp
    responder_usage | the responder's certificate must not sign answers
        | chứng thư của bên trả lời không dùng để ký câu trả lời
    responder_critical
        | the responder's certificate has the critical extension {oid}, which is not understood
        | chứng thư của bên trả lời có phần mở rộng bắt buộc {oid} không được hiểu
    responder_key_usage | the responder's key must not make digital signatures
        | khóa của bên trả lời không dùng cho chữ ký số
    answer_several | it is about several certificates at once
        | câu trả lời nói về nhiều chứng thư cùng lúc
    responder_invalid | the responder's certificate is not valid now
        | chứng thư của bên trả lời hiện không có hiệu lực
    http_status | it answers {status} | máy chủ trả lời {status}
    no_answer_within | it did not answer within {seconds} s | không trả lời trong {seconds} giây
    answer_large | its answer is larger than {limit} bytes | câu trả lời lớn hơn {limit} byte
    answer_incomplete | it cannot answer all within {seconds} s
        | không trả lời hết được trong {seconds} giây
    revocations_unreadable
        | the file of known revocations cannot be read; remove it to ask the sources again
        | không đọc được thông tin thu hồi đã biết; hãy xóa tệp để hỏi lại
    """
)

REVOCATION_REASONS = texts(
    """
    unspecified | unspecified | không nêu lý do
    keyCompromise | keyCompromise | lộ khóa bí mật
    cACompromise | cACompromise | lộ khóa của tổ chức chứng thực
    affiliationChanged | affiliationChanged | thay đổi thông tin chủ sở hữu
    superseded | superseded | đã được thay thế
    cessationOfOperation | cessationOfOperation | ngừng sử dụng
    certificateHold | certificateHold | tạm dừng
    privilegeWithdrawn | privilegeWithdrawn | bị rút quyền
    aACompromise | aACompromise | lộ khóa của tổ chức cấp thuộc tính
    """
)
"""By the names of RFC 5280, 5.3.1, which English texts keep."""

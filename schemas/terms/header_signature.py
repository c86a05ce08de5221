"""What is said of the header signature of a packet."""

from schemas.language import texts

HEADER_SIGNATURE = texts(
    """
    absent | it is absent | không có chữ ký
    hops_after | {why}; a hop that was added after signing can cause this ({hops} hops)
        | {why}; thêm chặng truyền sau khi ký cũng gây ra điều này ({hops} chặng)
    signature_namespace | it is in the wrong namespace | chữ ký nằm trong không gian tên sai
    signature_misplaced | it is not in its place in the header
        | chữ ký nằm ngoài vị trí của nó trong phần tiêu đề
    readers_differ | other software may read {element} differently
        | phần mềm khác có thể đọc {element} theo cách khác
    signature_several | there are several signatures | có nhiều chữ ký
    packet_larger | the packet is larger than {limit} bytes | gói tin lớn hơn {limit} byte
    prefix_undeclared | a prefix is not declared | có tiền tố chưa khai báo
    many_attributes | an element has more than {limit} attributes
        | có phần tử mang hơn {limit} thuộc tính
    covers_part | it does not cover the whole packet | chữ ký không bao trùm toàn bộ gói tin
    digest_value | DigestValue is not a digest | DigestValue không phải giá trị băm
    unknown_transform | unknown transform {value} | phép biến đổi {value} không rõ
    covers_itself | it covers itself | chữ ký bao trùm chính nó
    odd_transforms | the order or number of its transforms is unusual
        | thứ tự hoặc số phép biến đổi bất thường
    odd_canonical_form | a canonical form has unusual parameters
        | dạng chuẩn tắc có tham số bất thường
    signature_holds | it contains {element} | khối chữ ký chứa {element}
    unusual_key | the certificate holds an unusual key | chứng thư chứa khóa bất thường
    key_bits | the key has {bits} bits | khóa dài {bits} bit
    digest_differs | the content does not match its digest | nội dung không khớp giá trị băm
    value_differs | the signature value does not match the certificate
        | giá trị chữ ký không khớp chứng thư
    not_processable | it cannot be processed ({error}) | không xử lý được ({error})
    no_certificate_in_signature | it contains no certificate | không chứa chứng thư
    certificate_cut | the certificate is incomplete or unreadable
        | chứng thư bị cắt cụt hoặc không đọc được
    unknown_algorithm | unknown algorithm {value} | thuật toán {value} không rõ
    no_base64 | {element} is not base64 | {element} không phải base64
    element_missing | it has no {element} | thiếu {element}
    element_several | it has several {element} | có nhiều {element}
    """
)

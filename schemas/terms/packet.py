"""Why a file cannot be read, and what its header signature proves."""

from schemas.language import texts

PACKET = texts(
    """
    # Characters.
    utf16 | it looks like UTF-16 | tệp có vẻ là UTF-16
    utf16_or_utf32 | it looks like UTF-16 or UTF-32 | tệp có vẻ là UTF-16 hoặc UTF-32
    invalid_byte | an invalid byte | có byte không hợp lệ
    byte_not_utf8 | the byte 0x{byte} does not belong to it | byte 0x{byte} không thuộc bảng mã này
    declares_encoding | it declares {encoding} | tệp khai báo {encoding}
    unwritable_character | the character U+{point} cannot be written | không thể ghi ký tự U+{point}
    # XML.
    xml_syntax | syntax error | sai cú pháp XML
    xml_no_element | no element found | không có phần tử nào, hoặc tệp bị cắt cụt
    xml_token | not well-formed (invalid token) | có ký tự không được phép trong XML
    xml_unclosed_token | unclosed token | thẻ chưa đóng
    xml_partial_char | partial character | ký tự bị cắt cụt
    xml_mismatched_tag | mismatched tag | thẻ đóng không khớp thẻ mở
    xml_duplicate_attribute | duplicate attribute | thuộc tính bị ghi hai lần
    xml_after_document | junk after document element | có nội dung sau phần tử gốc
    xml_entity | undefined entity | thực thể chưa được định nghĩa
    xml_character_reference | reference to invalid character number
        | tham chiếu tới ký tự không được phép
    xml_encoding | unknown encoding | bảng mã không rõ
    xml_cdata | unclosed CDATA section | phần CDATA chưa đóng
    xml_declaration | XML or text declaration not at start of entity | khai báo XML không ở đầu tệp
    # JSON.
    json_misplaced | expected {mark} | chờ ký hiệu {mark} tại đây
    json_invalid | it is not valid JSON | không phải JSON hợp lệ
    json_value_open | the value does not end | giá trị không kết thúc
    json_string_open | the string does not end | chuỗi ký tự không kết thúc
    json_more | more follows after the object | còn nội dung sau đối tượng
    json_nameless | a member has no name | có thành phần không tên
    json_surplus | the member {member} is not allowed | thành phần {member} bị thừa
    json_twice | the member {member} occurs twice | thành phần {member} bị ghi hai lần
    json_constant | {value} is not JSON | {value} không phải JSON
    # Fields.
    text_due | a text is required | cần một chuỗi ký tự
    not_one_of | neither {first} nor {second} | không phải {first} cũng không phải {second}
    member_missing | the member is missing | thiếu thành phần này
    has_bytes | it has {size} bytes | thực tế có {size} byte
    field_missing | the field is missing | thiếu trường này
    field_no_text | it must be a text | phải là chuỗi ký tự
    field_empty | it is too short | quá ngắn
    field_long | it is too long | quá dài
    field_no_number | it must be a whole number | phải là số nguyên
    setting_no_number | it must be a number of seconds | phải là một số giây
    field_number_range | the number is out of range | số nằm ngoài khoảng cho phép
    field_no_truth | it must be true or false | phải là đúng hoặc sai
    field_no_list | it must be a list | phải là danh sách
    field_no_object | it must be an object | phải là đối tượng
    field_no_date | it is not a date of the form 2026-03-12 | không phải ngày dạng 2026-03-12
    field_no_time | it is not a time of the form 2026-03-12T09:15:00+07:00
        | không phải thời điểm dạng 2026-03-12T09:15:00+07:00
    field_no_zone | the time has no time zone | thời điểm thiếu múi giờ
    field_value | the value is not allowed here | giá trị không được phép
    field_pattern | it does not have the required form | không đúng dạng quy định
    # Archives.
    zip_many | it does not contain exactly one entry | không chứa đúng một mục
    zip_room | it unpacks to more than a message may contain
        | giải nén ra lớn hơn mức gói tin cho phép
    zip_ratio | it expands by more than {limit} to 1 | giải nén phình ra quá {limit} lần
    zip_checksum | the checksum does not match | mã kiểm không khớp
    zip_path | the entry's name is a path | tên mục là một đường dẫn
    zip_no_file | the entry is not a regular file | mục không phải tệp thường
    zip_encrypted | the entry is encrypted | mục bị mã hóa
    zip_method | compression method {method} | phương pháp nén {method}
    zip_headless | the entry has no header | mục không có phần đầu
    zip_headers | its two headers contradict each other | hai phần đầu của mục mâu thuẫn nhau
    zip_outside | the entry lies outside the archive | mục nằm ngoài tệp nén
    zip_damaged | its data is damaged | dữ liệu bị hỏng
    zip_cut | its data is incomplete | dữ liệu bị cắt cụt
    # The header signature.
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

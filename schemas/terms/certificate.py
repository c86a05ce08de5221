"""Why a certificate or a key cannot be used."""

from schemas.language import texts

CERTIFICATE = texts(
    """
    # A certificate.
    certificate_file_long | its file is longer than {limit} bytes
        | tệp của chứng thư dài hơn {limit} byte
    certificate_unreadable | there is no readable certificate | không có chứng thư đọc được
    certificate_half | one of its certificates is incomplete
        | một trong các chứng thư trong tệp không trọn vẹn
    part_unreadable | {part} cannot be read ({error}) | không đọc được {part} (mã {error})
    chain_unjudged | its chain cannot be checked ({error})
        | không xét được chuỗi chứng thư (mã {error})
    no_regular_file | it is not a regular file | không phải tệp thông thường
    file_long | it is longer than {limit} bytes | tệp dài hơn {limit} byte
    certificate_many | its file holds more than {limit} certificates
        | tệp chứa hơn {limit} chứng thư
    certificate_key_unfit
        | its key is unsuitable, or neither P-256, Ed25519 nor RSA of 2048 bits or more
        | khóa không phải P-256, Ed25519 hay RSA từ 2048 bit, hoặc không phù hợp
    certificate_of_other | it is the certificate of {stated}, not of {owner}
        | là chứng thư của {stated}, không phải của {owner}
    no_authority | no authority is configured | chưa cấu hình tổ chức chứng thực nào
    no_chain | no chain of certificates leads to a trusted authority ({said})
        | không có tổ chức chứng thực đáng tin nào bảo đảm (chi tiết kỹ thuật “{said}”)
    issuer_no_signer | an issuer's key must not sign certificates
        | khóa của bên cấp không dùng để ký chứng thư
    issuer_constrains | an issuer restricts directory names, which cannot be checked here
        | bên cấp ràng buộc tên thư mục, điều không xét được tại đây
    certificate_of_authority | it is the certificate of an authority
        | là chứng thư của tổ chức chứng thực
    key_no_signer | its key must not make digital signatures | khóa không dùng cho chữ ký số
    certificate_elsewhere | its certificate is also stored under {owner}
        | chứng thư cũng được lưu dưới {owner}
    key_elsewhere | its public key is also that of {owner} | khóa công khai cũng là của {owner}
    certificate_revoked | its certificate was revoked | chứng thư đã bị thu hồi
    certificate_ended
        | its certificate expired on {date}, and no other one with its private key is valid now
        | chứng thư hết hạn ngày {date}, không có chứng thư nào khác còn hiệu lực kèm khóa bí mật
    certificate_none_valid | no certificate with its private key here is valid now
        | không có chứng thư nào còn hiệu lực kèm khóa bí mật
    authority_ended | its certificate has expired | chứng thư đã hết hạn
    certificate_gone | the certificate of its key is missing | chứng thư của khóa không còn
    authority_given | it is an authority's certificate; add --authority to trust it
        | là của tổ chức chứng thực; muốn tin cậy thì thêm --authority
    several_owners | it contains certificates of several owners; import each one separately
        | chứa chứng thư của nhiều chủ sở hữu; hãy nhập riêng từng chứng thư
    owner_unstated | it does not name its owner; add --as CODE
        | chứng thư không nêu chủ sở hữu; hãy thêm --as MÃ
    answers_other | it answers the request of {owner} | chứng thư trả lời yêu cầu của {owner}
    ended_on | it expired on {date} | đã hết hạn ngày {date}
    no_authority_certificate | {subject} is not an authority
        | {subject} không phải tổ chức chứng thực
    revoked_already | it is already revoked, since {at} ({reason})
        | đã bị thu hồi từ {at} ({reason})
    no_counting_certificate | there is no valid certificate of this owner or thumbprint
        | không có chứng thư còn hiệu lực của chủ sở hữu hay dấu vân này
    several_certificates | it has several certificates; choose one of: {thumbprints}
        | có nhiều chứng thư; hãy nêu rõ một trong số: {thumbprints}
    # A private key.
    key_not_of_certificate | the private key does not belong to its certificate
        | khóa bí mật không thuộc chứng thư
    secret_readable | others can read the secret; use 'chmod 600'
        | người khác đọc được tệp bí mật; hãy dùng 'chmod 600'
    secret_empty | its first line is empty, but it must contain the secret
        | dòng đầu trống, trong khi phải có bí mật
    key_readable | others can read the private key; use 'chmod 600'
        | người khác đọc được khóa bí mật; hãy dùng 'chmod 600'
    file_readable | others can read it; use 'chmod 600'
        | người khác đọc được tệp; hãy dùng 'chmod 600'
    key_encrypted
        | it is encrypted; set LIENTHONG_KEY_PASSPHRASE_FILE to the file with its passphrase
        | khóa bị mã hóa; hãy nêu tệp chứa mật khẩu qua LIENTHONG_KEY_PASSPHRASE_FILE
    passphrase_wrong | the passphrase does not open it | mật khẩu không mở được khóa
    key_kind | the private key is neither P-256, Ed25519 nor RSA
        | khóa bí mật không phải P-256, Ed25519 hay RSA
    authority_key_kind | its key is neither P-256, Ed25519 nor RSA of 2048 bits or more
        | khóa không phải P-256, Ed25519 hay RSA từ 2048 bit
    no_pem | it is not a supported PEM file ({said})
        | không phải PEM được hỗ trợ (chi tiết kỹ thuật “{said}”)
    key_no_pair | it has no key pair here to replace; request one with 'lienthong keys request'
        | không có cặp khóa nào để thay; hãy xin cấp bằng 'lienthong keys request'
    passphrase_file_missing
        | to encrypt its key, set LIENTHONG_KEY_PASSPHRASE_FILE to a passphrase file
        | để mã hóa khóa, hãy nêu tệp mật khẩu qua LIENTHONG_KEY_PASSPHRASE_FILE
    keys_of_others | private keys of others are stored here too: {path}
        | có khóa bí mật của cơ quan khác tại đây: {path}
    directory_key_away | its private key is not here; change the directory where the key is stored
        | khóa bí mật không ở đây; hãy sửa danh bạ tại nơi giữ khóa
    # A key in a token.
    token_silent | the token does not answer | thiết bị khóa không phản hồi
    token_said | the token reports {error} | thiết bị khóa báo {error}
    token_unusable | the token cannot be used: {said}
        | không dùng được thiết bị khóa (chi tiết kỹ thuật “{said}”)
    token_module | the module {module} cannot be used: {said}
        | không dùng được mô-đun {module} (chi tiết kỹ thuật “{said}”)
    token_key_kind | the key in the token is neither P-256 nor RSA
        | khóa trong thiết bị không phải P-256 hay RSA
    token_key_other | the key in the token does not belong to the certificate
        | khóa trong thiết bị không thuộc chứng thư
    token_extra | a key in a token needs python-pkcs11: pip install 'lienthong[pkcs11]'
        | khóa trong thiết bị cần python-pkcs11: pip install 'lienthong[pkcs11]'
    token_no_module | the setting LIENTHONG_PKCS11_MODULE names no PKCS #11 module
        | cấu hình LIENTHONG_PKCS11_MODULE không nêu mô-đun PKCS #11
    token_no_pin | no file with the PIN is named (pin-source or LIENTHONG_PKCS11_PIN_FILE)
        | chưa nêu tệp chứa PIN: pin-source hoặc LIENTHONG_PKCS11_PIN_FILE
    uri_scheme | a key in a token is named by a URI that begins with pkcs11:
        | khóa trong thiết bị được nêu bằng URI bắt đầu với pkcs11:
    uri_pin | the URI contains a PIN; put it into a file and name the file with pin-source
        | URI chứa PIN; hãy đặt PIN vào tệp và nêu tệp đó: pin-source
    uri_module | only the setting LIENTHONG_PKCS11_MODULE may name the module
        | mô-đun chỉ được nêu qua cấu hình LIENTHONG_PKCS11_MODULE
    uri_attributes | the URI has unknown attributes: {names} | URI có thuộc tính không rõ: {names}
    uri_incomplete | the URI must name a token (token, serial) and a key (object, id)
        | URI phải nêu thiết bị (token, serial) và khóa (object, id)
    uri_not_private | the URI names no private key (type=private)
        | URI không nêu khóa bí mật (type=private)
    uri_twice | the URI gives an attribute twice | URI nêu một thuộc tính hai lần
    """
)

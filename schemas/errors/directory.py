"""What is wrong with the directory of agencies, with a change of it, or with an imported table."""

from schemas.errors.entry import entries

DIRECTORY = entries(
    """
    E_DIRECTORY_UNSIGNED: operator
        The directory is not signed, and this home has a directory authority.
        Danh bạ chưa được ký, trong khi hệ thống đã có khóa ký danh bạ.
        Change it with 'lienthong agency' only. {RESTORE}
        Chỉ sửa bằng 'lienthong agency'. {RESTORE}
    E_DIRECTORY_SIGNATURE: operator
        The signature of the directory is not valid: {cause}.
        Chữ ký của danh bạ không hợp lệ: {cause}.
        Do not use it. {RESTORE}
        Không dùng bản này. {RESTORE}
    E_DIRECTORY_ROLLBACK: operator
        The directory has version {version}, but version {seen} was already in use here.
        Danh bạ là phiên bản {version}; phiên bản {seen} đã từng được dùng.
        The version of a directory never decreases. {RESTORE}
        Số phiên bản danh bạ không bao giờ giảm. {RESTORE}
    E_AGENCY_UNKNOWN: operator
        The agency {code} is not in the directory.
        Cơ quan {code} không có trong danh bạ.
        See 'lienthong agency list', or add it with 'lienthong agency add'.
        Xem 'lienthong agency list' hoặc thêm bằng 'lienthong agency add'.
    E_AGENCY_ENDED: operator
        The agency {code} ended on {date} and has no successor.
        Cơ quan {code} hết hiệu lực ngày {date} và không có cơ quan kế thừa.
        Use the code of the agency that took over its tasks; see 'lienthong agency list'.
        Dùng mã của cơ quan tiếp nhận chức năng; xem 'lienthong agency list'.
    E_AGENCY_UNCONNECTED: operator
        The agency {code} has no mailbox, and none of its superiors has one.
        Cơ quan {code} chưa có hộp thư, cơ quan cấp trên cũng chưa có.
        Connect it, or one of its superiors; see 'lienthong agency list'.
        Kết nối cơ quan này hoặc một cơ quan cấp trên; xem 'lienthong agency list'.
    E_DIRECTORY: operator
        The directory {file} cannot be read.
        Không đọc được danh bạ {file}.
        {RESTORE}
    E_DIRECTORY_BYTES: operator
        The directory would have {size} bytes; the limit is {limit}.
        Danh bạ sẽ có {size} byte; giới hạn là {limit}.
        Nothing was changed. Leave out agencies that have ended, or aliases.
        Chưa có gì thay đổi. Bỏ bớt cơ quan đã ngừng hoạt động hoặc mã phụ.
    E_DIRECTORY_WRITE: operator
        The directory {file} cannot be written: {cause}.
        Không ghi được danh bạ {file}: {cause}.
        Nothing was changed. Free the disk or correct the rights of the folder, and try again.
        Chưa có gì thay đổi. Giải phóng đĩa hoặc sửa quyền của thư mục rồi thử lại.
    E_DIRECTORY_VERSION: operator
        Version {version} of the directory is not kept here.
        Phiên bản {version} của danh bạ không được lưu ở đây.
        See which versions are kept with 'lienthong directory history'.
        Xem các phiên bản còn lưu bằng 'lienthong directory history'.
    E_DIRECTORY_CHANGED: operator
        Somebody changed the directory in the meantime: it now has version {version}.
        Danh bạ vừa được thay đổi: đang ở phiên bản {version}.
        This command changed nothing. Look at the difference again.
        Lệnh này chưa thay đổi gì. Hãy xem lại phần khác biệt.
    E_DIRECTORY_UNSERVED: operator
        The mailboxes of {names} would no longer be served.
        Hộp thư của {names} sẽ không còn được phục vụ.
        Retire the agency instead ('lienthong agency retire'): the documents in its mailbox are
            still delivered. Or add --force: they stay at the broker, and its account is locked.
        Hãy cho cơ quan ngừng hoạt động ('lienthong agency retire'): văn bản còn trong hộp thư vẫn
            được giao. Hoặc thêm --force: văn bản nằm lại ở RabbitMQ và tài khoản bị khóa.
    E_AGENCY_IN_USE: operator
        The agency {code} cannot be removed: {names} refer to it, as their parent or successor.
        Không xóa được cơ quan {code}: {names} đang lấy làm cơ quan cấp trên hoặc kế thừa.
        Change these first ('lienthong agency edit'), or retire the agency.
        Sửa các cơ quan này trước ('lienthong agency edit') hoặc cho cơ quan ngừng hoạt động.
    E_AGENCY_SUCCESSOR: operator
        The agency {successor} cannot take over on {date}: it has ended by then, or does not exist
            yet.
        Cơ quan {successor} không thể tiếp nhận vào {date}: khi đó đã ngừng hoặc chưa hoạt động.
        Choose a successor that is valid on this day.
        Chọn cơ quan kế thừa còn hiệu lực vào ngày này.
    E_DIRECTORY_MISSING: operator
        The directory {file} is missing, although version {seen} was in use here.
        Thiếu danh bạ {file}, trong khi phiên bản {seen} đã từng được dùng.
        {RESTORE}
    E_DIRECTORY_HUB: operator
        The hub's directory {file} and its authority {folder} must be copied here.
        Phải chép danh bạ {file} và khóa công khai của đơn vị ký {folder} từ trung tâm về đây.
        Prepare these files at the hub with 'lienthong agency credentials'.
        Tại trung tâm, chạy 'lienthong agency credentials' để chuẩn bị các tệp này.
    E_DIRECTORY_CODE: operator
        {code} cannot be an agency's own code: such a code has at most 64 characters of A-Z, a-z,
            0-9, '.', '_' and '-', and does not begin with '.'.
        {code} không dùng được làm mã chính của cơ quan: mã có tối đa 64 ký tự gồm A-Z, a-z, 0-9,
            '.', '_', '-' và không bắt đầu bằng '.'.
        Choose another code; a code of other characters can be an alias ('--alias'). {CORRECT}
        Chọn mã khác; mã có ký tự khác có thể là mã phụ ('--alias'). {CORRECT}
    E_DIRECTORY_ALIAS: operator
        {alias} cannot be a code of {code}: it has more than 64 characters, blanks at an end,
            invisible characters, or letters in another normal form than NFC.
        {alias} không dùng được làm mã của {code}: dài quá 64 ký tự, có dấu cách ở đầu hoặc cuối, có
            ký tự ẩn, hoặc chữ không ở dạng chuẩn NFC.
        {CORRECT}
    E_DIRECTORY_NAME: operator
        The name of {code} is empty, has more than {limit} characters, or holds control or invisible
            characters.
        Tên của {code} để trống, dài quá {limit} ký tự, hoặc có ký tự điều khiển hay ký tự ẩn.
        {CORRECT}
    E_DIRECTORY_TWICE: operator
        The directory contains the agency {code} twice.
        Cơ quan {code} có hai lần trong danh bạ.
        To change an agency, use 'lienthong agency edit'. {CORRECT}
        Muốn sửa cơ quan thì dùng 'lienthong agency edit'. {CORRECT}
    E_DIRECTORY_AMBIGUOUS: operator
        The code {alias} names {code} and {other} at the same time.
        Mã {alias} cùng lúc chỉ cả {code} và {other}.
        {CORRECT}
    E_DIRECTORY_MAILBOX: operator
        {code} and {other} would have the same queues: the broker's names do not distinguish '.'
            from '-', or capital from small letters.
        {code} và {other} sẽ dùng chung hàng đợi: ở đó '.' và '-' như nhau, chữ hoa và chữ thường
            cũng như nhau.
        {CORRECT}
    E_DIRECTORY_PARENT: operator
        The parent {other} of {code} is not in the directory.
        Cơ quan cấp trên {other} của {code} không có trong danh bạ.
        {CORRECT}
    E_DIRECTORY_PARENT_CIRCLE: operator
        {code} is its own parent, through {other}.
        {code} là cấp trên của chính mình, qua {other}.
        {CORRECT}
    E_DIRECTORY_SUCCESSOR: operator
        The successor {other} of {code} is not in the directory.
        Cơ quan kế thừa {other} của {code} không có trong danh bạ.
        {CORRECT}
    E_DIRECTORY_SUCCESSOR_CIRCLE: operator
        {code} is its own successor, through {other}.
        {code} là cơ quan kế thừa của chính mình, qua {other}.
        {CORRECT}
    E_DIRECTORY_ALIAS_OWNER: operator
        The alias {alias} names {code}, which is not in the directory.
        Mã phụ {alias} chỉ {code}, nhưng {code} không có trong danh bạ.
        {CORRECT}
    E_DIRECTORY_PERIOD: operator
        The code {alias} of {code} ends before it begins.
        Mã {alias} của {code} hết hiệu lực trước khi có hiệu lực.
        {CORRECT}
    E_DIRECTORY_SIZE: operator
        The directory has more than {limit} agencies, or more than {limit} aliases.
        Danh bạ có hơn {limit} cơ quan hoặc hơn {limit} mã phụ.
        {CORRECT}
    # A table of agencies that is imported (CSV).
    E_TABLE_ENCODING: operator
        The table is not text in UTF-8 (or UTF-16 with its byte order mark).
        Bảng không phải văn bản UTF-8 (hoặc UTF-16 có dấu BOM).
        Save it as 'CSV UTF-8' and try again.
        Lưu lại thành 'CSV UTF-8' rồi thử lại.
    E_TABLE_QUOTES: operator
        The quotation marks are wrong: text follows a closing one, or one is not closed.
        Sai dấu nháy kép: có chữ sau dấu đóng hoặc thiếu dấu đóng.
        Put a cell that contains quotation marks, separators or line ends in quotation marks, and
            double those inside it.
        Ô có dấu nháy kép, dấu phân cách hoặc xuống dòng phải đặt trong nháy kép và viết đôi dấu
            nháy bên trong.
    E_TABLE_CELLS: operator
        The row has {count} cells, but the header has {limit}.
        Hàng có {count} ô, dòng tiêu đề có {limit}.
        Check whether a cell contains the separator without quotation marks.
        Kiểm tra xem có ô nào chứa dấu phân cách mà không đặt trong nháy kép.
    E_TABLE_COLUMN: operator
        There is no column {name}; the columns are: {known}.
        Không có cột {name}; các cột là: {known}.
        Correct the header; 'lienthong agency export' shows an example.
        Sửa dòng tiêu đề; xem mẫu bằng 'lienthong agency export'.
    E_TABLE_COLUMN_TWICE: operator
        The header contains the column {name} twice.
        Cột {name} có hai lần trong dòng tiêu đề.
        Remove one of them.
        Bỏ bớt một cột.
    E_TABLE_COLUMN_MISSING: operator
        The header has no column {name}.
        Dòng tiêu đề thiếu cột {name}.
        The first row names the columns; 'lienthong agency export' shows an example.
        Hàng đầu nêu tên các cột; xem mẫu bằng 'lienthong agency export'.
    E_TABLE_VALUE: operator
        '{value}' is not one of: {named}.
        '{value}' không thuộc: {named}.
        Correct the cell.
        Sửa ô này.
    E_TABLE_DATE: operator
        '{value}' is not a date such as 2025-07-01 or 1/7/2025, from {first} to {second}.
        '{value}' không phải ngày như 2025-07-01 hoặc 1/7/2025, từ {first} đến {second}.
        Correct the date.
        Sửa lại ngày.
    E_TABLE_ALIAS: operator
        '{value}' is not an alias such as 000.05.00.H24 or H53.05[2020-09-15..2025-06-30].
        '{value}' không phải mã phụ như 000.05.00.H24 hoặc H53.05[2020-09-15..2025-06-30].
        Separate aliases by '|'; inside a code write \\\\, \\| and \\[ for \\, | and [.
        Các mã phụ cách nhau bằng '|'; trong mã thì viết \\\\, \\| và \\[ thay cho \\, | và [.
    E_TABLE_THUMBPRINT: operator
        '{value}' is not a certificate's thumbprint: 43 characters of A-Z, a-z, 0-9, '_' and '-'.
        '{value}' không phải dấu vân tay chứng thư: 43 ký tự gồm A-Z, a-z, 0-9, '_' và '-'.
        See the thumbprints with 'lienthong keys list'; separate several by '|'.
        Xem bằng 'lienthong keys list'; nhiều giá trị cách nhau bằng '|'.
    E_TABLE_ROW_TWICE: operator
        The agency {code} is already in row {first}.
        Cơ quan {code} đã có ở hàng {first}.
        Remove one of the rows.
        Bỏ bớt một hàng.
    """
)

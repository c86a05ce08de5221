"""What is wrong with a table of agencies that is imported (CSV)."""

from schemas.errors.entry import entries

TABLE = entries(
    """
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

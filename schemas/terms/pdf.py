"""What stands against a signature in a PDF, or why a file was not examined."""

from schemas.terms.texts import Texts

PDF: dict[str, Texts] = {
    "no_pdf": ("it is no PDF", "không phải PDF"),
    "pdf_encrypted": ("it is encrypted", "tệp bị mã hóa"),
    "pdf_unreadable": (
        "it cannot be read as a PDF ({said})",
        "không đọc được như PDF (chi tiết kỹ thuật “{said}”)",
    ),
    "pdf_algorithm": (
        "it uses an algorithm that is not allowed ({said})",
        "dùng thuật toán không được phép (chi tiết kỹ thuật “{said}”)",
    ),
    "pdf_many_signatures": (
        "it has more than {limit} signatures",
        "có hơn {limit} chữ ký",
    ),
    "pdf_bytes_added": (
        "bytes were added after the end of the signed file",
        "có dữ liệu được thêm vào sau phần cuối của tệp đã ký",
    ),
    "pdf_future": (
        "it says it was signed at {at}, in the future",
        "ghi thời điểm ký {at}, ở tương lai",
    ),
    "pdf_coverage": (
        "the signature does not cover all that the file held when it was signed",
        "chữ ký không bao trùm toàn bộ nội dung tệp tại lúc ký",
    ),
    "pdf_addition": (
        "something was added after signing that a signature does not allow",
        "sau khi ký có nội dung được thêm mà chữ ký không cho phép",
    ),
    "pdf_field_condition": (
        "it breaks a condition of its signature field",
        "vi phạm điều kiện của trường chữ ký",
    ),
    "pdf_certificate_revoked": (
        "the certificate, or one above it, was revoked",
        "chứng thư, hoặc chứng thư cấp trên, đã bị thu hồi",
    ),
    "pdf_certificate": (
        "the certificate: {verdict}",
        "chứng thư không được chấp nhận (mã {verdict})",
    ),
    "pdf_no_path": (
        "the certificate: no path to the list",
        "không có đường dẫn từ chứng thư tới danh sách tin cậy",
    ),
    "pdf_large": (
        "it has {size} bytes; up to {limit} are checked",
        "tệp có {size} byte; chỉ kiểm tra tới {limit} byte",
    ),
    "pdf_late": ("it took longer than {seconds} s", "kiểm tra lâu hơn {seconds} giây"),
    "pdf_not_within": ("not within {seconds} s", "không xong trong {seconds} giây"),
    "pdf_broke_off": ("the examination broke off", "việc kiểm tra bị gián đoạn"),
    "pdf_memory": ("it needs too much memory", "cần quá nhiều bộ nhớ"),
    "pdf_deep": ("it is nested too deeply", "lồng nhau quá sâu"),
    "pdf_failed": (
        "the examination failed ({error})",
        "việc kiểm tra thất bại (mã {error})",
    ),
}

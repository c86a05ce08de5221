"""What stands against a signature in a PDF, or why a file was not examined."""

from schemas.language import texts

PDF = texts(
    """
    no_pdf | it is not a PDF | không phải PDF
    pdf_encrypted | it is encrypted | tệp bị mã hóa
    pdf_unreadable | it cannot be read as a PDF ({said})
        | không đọc được như PDF (chi tiết kỹ thuật “{said}”)
    pdf_algorithm | it uses an algorithm that is not allowed ({said})
        | dùng thuật toán không được phép (chi tiết kỹ thuật “{said}”)
    pdf_many_signatures | it has more than {limit} signatures | có hơn {limit} chữ ký
    pdf_bytes_added | bytes were added after the end of the signed file
        | có dữ liệu được thêm vào sau phần cuối của tệp đã ký
    pdf_future | its signing time {at} is in the future | ghi thời điểm ký {at}, ở tương lai
    pdf_coverage | the signature does not cover all that the file held when it was signed
        | chữ ký không bao trùm toàn bộ nội dung tệp tại lúc ký
    pdf_addition | something was added after signing that a signature does not allow
        | sau khi ký có nội dung được thêm mà chữ ký không cho phép
    pdf_fields_filled
        | after signing the form fields {fields} were filled in, which the signer did not allow
        | sau khi ký, các trường {fields} của biểu mẫu bị điền mà người ký không cho phép
    pdf_form_drawing | after signing the drawing of the form's fields was changed
        | sau khi ký, cách hiển thị các trường của biểu mẫu bị thay đổi
    pdf_field_empty
        | after signing the field {field} was added on page {page}, without a valid signature
        | sau khi ký, trường {field} được thêm vào trang {page} mà không có chữ ký nào có giá trị
    pdf_field_covers
        | after signing the signature field {field} was laid over the content of page {page}
        | sau khi ký, trường chữ ký {field} được đặt đè lên nội dung trang {page}
    pdf_field_acts
        | after signing the field {field} was added, which does more than show a signature
        | sau khi ký, trường {field} được thêm vào và không chỉ hiển thị chữ ký
    pdf_added_signature
        | after this signature {name} signed too, visibly in the field {field} on page {page}
        | sau chữ ký này, {name} cũng đã ký, hiển thị tại trường {field} trên trang {page}
    pdf_added_values
        | after this signature the form fields {fields} were filled in, which the signer allowed
        | sau chữ ký này, các trường {fields} của biểu mẫu được điền, người ký đã cho phép
    # The signature itself was examined; what it covers was not, for programs differ about that.
    pdf_hybrid
        | only the signature itself was examined: the file has two tables of its objects (hybrid)
        | chỉ xét được bản thân chữ ký: tệp có hai bảng đối tượng (tham chiếu chéo lai)
    pdf_reused
        | only the signature itself was examined: an update reuses the number of a reference stream
        | chỉ xét được bản thân chữ ký: lần cập nhật dùng lại số của luồng tham chiếu chéo
    pdf_generations
        | only the signature itself was examined: generations of objects do not follow each other
        | chỉ xét được bản thân chữ ký: các thế hệ đối tượng không nối tiếp nhau
    pdf_dangling
        | only the signature itself was examined: the file refers to objects that are not there
        | chỉ xét được bản thân chữ ký: tệp tham chiếu tới đối tượng không tồn tại
    pdf_lenient
        | only the signature itself was examined: the file breaks the rules of its form ({said})
        | chỉ xét được bản thân chữ ký: tệp sai cấu trúc (chi tiết kỹ thuật “{said}”)
    pdf_subfilter | its signature is of the kind {kind}, which is not examined here
        | chữ ký thuộc loại {kind}, chưa được xét tại đây
    pdf_field_condition | it breaks a condition of its signature field
        | vi phạm điều kiện của trường chữ ký
    pdf_certificate_revoked | the certificate, or one above it, was revoked
        | chứng thư, hoặc chứng thư cấp trên, đã bị thu hồi
    pdf_certificate | the certificate: {verdict} | chứng thư không được chấp nhận (mã {verdict})
    pdf_no_path | no path leads from the certificate to the trust list
        | không có đường dẫn từ chứng thư tới danh sách tin cậy
    pdf_large | it has {size} bytes; up to {limit} are checked
        | tệp có {size} byte; chỉ kiểm tra tới {limit} byte
    pdf_late | it took longer than {seconds} s | kiểm tra lâu hơn {seconds} giây
    pdf_not_within | it was not finished within {seconds} s | không xong trong {seconds} giây
    pdf_broke_off | the examination was interrupted | việc kiểm tra bị gián đoạn
    pdf_memory | it needs too much memory | cần quá nhiều bộ nhớ
    pdf_deep | it is nested too deeply | lồng nhau quá sâu
    pdf_failed | the examination failed ({error}) | việc kiểm tra thất bại (mã {error})
    """
)

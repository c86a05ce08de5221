"""The words of the invented documents. No person in them exists; the names say so."""

PEOPLE = (
    "Nguyễn Văn Mẫu",
    "Trần Thị Ví Dụ",
    "Lê Thị Thí Dụ",
    "Phạm Văn Minh Họa",
    "Hoàng Thị Thử Nghiệm",
    "Vũ Văn Giả Định",
    "Đặng Thị Mẫu",
    "Bùi Văn Ví Dụ",
)

TOPICS = (
    "triển khai Chính phủ điện tử và kết nối Trục liên thông văn bản quốc gia",
    "rà soát, đơn giản hóa thủ tục hành chính",
    "thực hiện chế độ báo cáo định kỳ",
    "phân bổ dự toán chi thường xuyên",
    "quy hoạch sử dụng đất giai đoạn tới",
    "phòng, chống thiên tai và tìm kiếm cứu nạn",
    "tổ chức kỳ thi tuyển công chức",
    "giải ngân vốn đầu tư công",
    "bảo đảm an toàn thông tin mạng",
    "công tác văn thư, lưu trữ điện tử",
    "phòng bệnh theo mùa và bảo đảm thuốc thiết yếu",
    "kiểm tra việc chấp hành kỷ luật, kỷ cương hành chính",
    "cập nhật cơ sở dữ liệu quốc gia về dân cư",
    "hỗ trợ doanh nghiệp nhỏ và vừa",
    "bảo vệ môi trường lưu vực sông",
    "xây dựng nông thôn mới",
)

TYPES_DOWN = (
    ("Công văn", "V/v"),
    ("Công văn", "V/v"),
    ("Hướng dẫn", "Hướng dẫn"),
    ("Thông báo", "Thông báo về"),
    ("Quyết định", "Quyết định về việc"),
    ("Kế hoạch", "Kế hoạch"),
    ("Công điện", "Công điện về"),
)
TYPES_UP = (
    ("Báo cáo", "Báo cáo kết quả"),
    ("Báo cáo", "Báo cáo kết quả"),
    ("Tờ trình", "Tờ trình về việc"),
    ("Công văn", "V/v xin ý kiến về"),
)
TYPES_ACROSS = (
    ("Công văn", "V/v phối hợp"),
    ("Công văn", "V/v phối hợp"),
    ("Giấy mời", "Giấy mời họp về"),
)
"""(document type, how its subject begins), the frequent ones more often."""

UNITS = ("VP", "TH", "KTTH", "KSTT", "NC", "TCCB", "CNTT")
"""Drafting units, the second half of an official letter's notation."""

NOTE = "Dữ liệu hư cấu dùng để trình diễn."

STATUS_TEXTS = {
    "02": "Văn bản không thuộc thẩm quyền giải quyết, đề nghị gửi lại đúng nơi nhận.",
    "03": "Văn thư đã tiếp nhận văn bản.",
    "04": "Lãnh đạo đã phân công xử lý.",
    "05": "Chuyên viên đang xử lý.",
    "06": "Đã hoàn thành xử lý văn bản.",
    "13": "Lấy lại văn bản do gửi nhầm nơi nhận.",
    "15": "Đồng ý với yêu cầu của bên gửi.",
    "16": "Không đồng ý: văn bản đã được xử lý xong.",
}

RECALL_REASON = "Văn bản ban hành có sai sót về nội dung."
UPDATE_REASON = "Điều chỉnh thời hạn báo cáo."
REPLACE_REASON = "Thay thế văn bản có sai sót."
NEW_REASON = "Văn bản mới."

PARAGRAPHS = (
    (
        "Thực hiện chỉ đạo của cấp có thẩm quyền về việc gửi, nhận văn bản điện tử giữa các cơ "
        "quan trong hệ thống hành chính nhà nước, cơ quan ban hành đề nghị quý cơ quan phối hợp "
        "triển khai các nội dung dưới đây."
    ),
    (
        "Các cơ quan rà soát số liệu theo biểu mẫu kèm theo, chịu trách nhiệm về tính chính xác, "
        "đầy đủ và kịp thời của số liệu báo cáo; trường hợp phát sinh vướng mắc, kịp thời phản "
        "ánh để được hướng dẫn."
    ),
    (
        "Văn bản điện tử có chữ ký số hợp pháp có giá trị pháp lý tương đương văn bản giấy; các "
        "cơ quan không gửi thêm bản giấy, trừ trường hợp pháp luật có quy định khác."
    ),
    (
        "Kết quả thực hiện được tổng hợp trên hệ thống quản lý văn bản và điều hành, làm cơ sở "
        "đánh giá mức độ hoàn thành nhiệm vụ được giao trong kỳ báo cáo."
    ),
    (
        "Trong quá trình triển khai, đề nghị các cơ quan chủ động phân công đầu mối, bố trí nguồn "
        "lực và bảo đảm an toàn thông tin theo quy định."
    ),
    (
        "Số liệu nêu trong phụ lục là số liệu hư cấu, chỉ dùng để minh họa cách trình bày và kiểm "
        "thử việc gửi, nhận tệp đính kèm."
    ),
)

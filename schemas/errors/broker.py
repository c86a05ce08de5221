"""What RabbitMQ refuses, and what is wrong with the way to it."""

from schemas.errors.entry import entries

BROKER = entries(
    """
    E_BROKER_AWAY: world, retryable
        The broker does not answer: {cause}.
        RabbitMQ không phản hồi: {cause}.
        Nothing is lost; work continues when the broker answers again.
        Không mất gì; công việc tiếp tục khi kết nối lại.
    E_PUBLISH_UNKNOWN: world, retryable
        The broker did not confirm in time; it is unknown whether it has the message.
        RabbitMQ không xác nhận kịp; chưa rõ đã nhận hay chưa.
        The message is sent again with the same id, and its recipient discards duplicates.
        Thông điệp được gửi lại với cùng định danh và bên nhận loại bỏ bản trùng.
    E_MAILBOX_REFUSED: operator, retryable, recipient_down
        The broker repeatedly refuses messages for the mailbox {mailbox}.
        RabbitMQ liên tục từ chối thông điệp gửi tới hộp thư {mailbox}.
        Usually the mailbox is full: the agency's system must receive what waits there. The messages
            are sent again automatically; other agencies are not affected.
        Thường là do hộp thư đã đầy: hệ thống của cơ quan đó phải nhận văn bản đang chờ. Thông điệp
            sẽ tự gửi lại; các cơ quan khác không bị ảnh hưởng.
    E_BROKER_NOT_FOUND: operator
        No RabbitMQ found: give an AMQP URL (LIENTHONG_AMQP_URL), install rabbitmq-server, start a
            Docker engine, or allow the package manager (LIENTHONG_MAY_INSTALL=yes). {cause}
        Không tìm thấy RabbitMQ: đặt địa chỉ AMQP (LIENTHONG_AMQP_URL), cài rabbitmq-server, bật
            Docker, hoặc cho phép cài gói (LIENTHONG_MAY_INSTALL=yes). {cause}
        Choose one of the four ways and start again.
        Chọn một trong bốn cách rồi khởi động lại.
    E_BROKER_START: operator
        RabbitMQ is installed, but its private node in {folder} did not start: {cause}.
        RabbitMQ đã được cài nhưng nút riêng tại {folder} không khởi động được: {cause}.
        Read the files 'output' and 'log' in that folder, or name another RabbitMQ in
            LIENTHONG_AMQP_URL.
        Xem các tệp 'output' và 'log' trong thư mục đó; hoặc chỉ RabbitMQ khác bằng
            LIENTHONG_AMQP_URL.
    E_BROKER_LOGIN: operator
        The broker at {host} refuses the login of the account '{account}'.
        RabbitMQ tại {host} từ chối đăng nhập của tài khoản '{account}'.
        Correct the account and its password in LIENTHONG_AMQP_URL and, where it is set, in
            LIENTHONG_MANAGEMENT_URL; the account of the management interface needs the tag
            'administrator'.
        Sửa tài khoản và mật khẩu, trong LIENTHONG_AMQP_URL và LIENTHONG_MANAGEMENT_URL nếu có đặt;
            tài khoản quản trị RabbitMQ cần thẻ 'administrator'.
    E_BROKER_CERTIFICATE: operator
        The certificate of the broker at {host} is not trusted.
        Chứng thư của RabbitMQ tại {host} không được tin cậy.
        Set LIENTHONG_AMQP_CA to the certificate file of the authority that signed it, and write in
            LIENTHONG_AMQP_URL the host name that the certificate contains.
        Đặt tệp chứng thư của đơn vị đã ký vào LIENTHONG_AMQP_CA, và ghi trong LIENTHONG_AMQP_URL
            đúng tên máy có trong chứng thư.
    E_BROKER_RIGHTS: operator
        The broker at {host} gives the account '{account}' no right to {object}.
        RabbitMQ tại {host} không cho tài khoản '{account}' quyền đối với {object}.
        Correct the virtual host in LIENTHONG_AMQP_URL; at the hub, 'lienthong topology apply' gives
            every account its rights.
        Sửa máy chủ ảo trong LIENTHONG_AMQP_URL; tại trung tâm, 'lienthong topology apply' cấp quyền
            cho từng tài khoản.
    E_BROKER_LIMIT: world, retryable
        The broker at {host} does not let the account '{account}' open a connection now.
        RabbitMQ tại {host} hiện không cho tài khoản '{account}' mở kết nối.
        The agency is suspended or has too many connections: ask the hub. The axis tries again.
        Cơ quan đang bị tạm ngừng, hoặc có quá nhiều kết nối: hỏi trung tâm. Hệ thống sẽ thử lại.
    E_BROKER_QUEUE: world, retryable
        The broker at {host} has no queue {object}.
        RabbitMQ tại {host} không có hàng đợi {object}.
        The hub makes it when its axis starts or the agency is added. The axis tries again.
        Trung tâm tạo hàng đợi khi khởi động trục hoặc khi thêm cơ quan. Hệ thống sẽ thử lại.
    E_BROKER_REQUEST: operator
        The broker refuses the request {request} with status {status}.
        RabbitMQ từ chối yêu cầu {request} với mã {status}.
        Check the virtual host, the account and the version of the broker; the detail quotes its
            answer.
        Kiểm tra máy chủ ảo, tài khoản và phiên bản RabbitMQ; phần chi tiết trích câu trả lời.
    E_TOPOLOGY: operator
        The broker's {object} is not as declared: {cause}.
        Đối tượng {object} trên RabbitMQ không đúng khai báo: {cause}.
        Run 'lienthong topology plan', then 'apply'.
        Chạy 'lienthong topology plan' rồi 'apply'.
    """
)

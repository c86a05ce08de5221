"""What is wrong with a setting, the directory, the broker, a store or an agency's system."""

from schemas.language import texts

OPERATION = texts(
    """
    # What others say, in their words: see `foreign` in `schemas.term`.
    foreign | {said} | chi tiết kỹ thuật “{said}”
    crash | {error} | {error}
    # A setting.
    setting_at | {path}: {why} | {path}: {why}
    plugin_broken | {name} is installed but cannot be loaded: {said}
        | {name} đã cài nhưng không nạp được (chi tiết kỹ thuật “{said}”)
    plugin_unknown | {name} is not one of: {installed}
        | {name} không thuộc các lựa chọn: {installed}
    no_rabbitmq | {path} does not contain sbin/rabbitmq-server
        | {path} không có sbin/rabbitmq-server
    no_erlang | no Erlang is on the PATH | không tìm thấy Erlang trong PATH
    hub_broker_due | give the address of the hub's broker, such as amqps://broker.example:5671/
        | phải nêu địa chỉ RabbitMQ của trung tâm: amqps://broker.example:5671/
    account_of_other | it logs in as {account}, but the account of {mailbox} is {due}
        | đăng nhập bằng {account}, trong khi tài khoản của {mailbox} là {due}
    broker_unstated | no axis runs in this home: add --broker amqps://broker.example:5671/
        | không có trục nào chạy tại đây: hãy thêm --broker amqps://broker.example:5671/
    rsa_due | it needs an RSA key in a file, but that of {mailbox} is {algorithm}
        | cần khóa RSA trong tệp, còn khóa của {mailbox} là {algorithm}
    rsa_due_token | it needs an RSA key in a file, but that of {mailbox} is {algorithm} in a token
        | cần khóa RSA trong tệp, còn khóa của {mailbox} là {algorithm} trong thiết bị
    ports_taken | {host} has no {count} consecutive free ports
        | không có {count} cổng liền nhau nào trống trên {host}
    traces_extra | it needs the extra: pip install 'lienthong[traces]'
        | cần phần mở rộng: pip install 'lienthong[traces]'
    tls_unused | certificates are given, but {scheme}:// does not use them; write amqps://
        | có nêu chứng thư nhưng {scheme}:// không dùng; hãy ghi amqps://
    account_unnamed | {path} names no account: {why} | {path} không nêu tài khoản: {why}
    database_form | it is neither sqlite:///<file> nor postgresql://…
        | không có dạng sqlite:///<tệp> hay postgresql://…
    none_there | there is none | không có
    # The trust list.
    trust_list_empty | it contains no {pattern} | không chứa tệp {pattern} nào
    # The broker.
    other_type | it has another type | khác loại đã khai báo
    queue_leaderless | queue {name} has no leader, so it neither accepts nor delivers messages
        | hàng đợi {name} không có nút chủ: không nhận và không phát gì
    queue_silent
        | queue {name} did not return a test message: delete it while it is empty, then apply
        | hàng đợi {name} không trả lại thông điệp thử: hãy xóa khi còn rỗng rồi áp dụng lại
    container_failed | docker run: {said} | lệnh docker run báo lỗi (chi tiết kỹ thuật “{said}”)
    container_silent | the container {name} does not answer | bộ chứa {name} không phản hồi
    command_failed | {command}: {said} | lệnh {command} báo lỗi (chi tiết kỹ thuật “{said}”)
    node_silent | the private node does not answer: see {path}
        | nút RabbitMQ riêng không phản hồi: xem {path}
    node_ended | the private node ended at its start: {said}
        | nút RabbitMQ riêng dừng ngay khi khởi động (chi tiết kỹ thuật “{said}”)
    management_refused | {request}: {status} | giao diện quản trị trả lời {status} cho {request}
    management_away | management interface: {said}
        | giao diện quản trị không phản hồi (chi tiết kỹ thuật “{said}”)
    no_password_to_try | no password to try | không có mật khẩu để thử
    unauthorized | unauthorized | không được phép
    trial_channel | {deed} needs no channel | thao tác {deed} không cần kênh
    # A store, an agency's system.
    store_locked | it is locked | cơ sở lưu trữ đang bị khóa
    no_answer | no answer within {seconds} s | không phản hồi trong {seconds} giây
    in_folder | {folder}: {why} | {folder}: {why}
    remote_files | the kernel does not see every change on the file system {name}
        | nhân hệ điều hành không thấy hết thay đổi trên hệ thống tệp {name}
    watches_full | this machine does not allow more watched folders
        | đã hết số thư mục mà máy này cho phép theo dõi
    no_file | it is not a file but a folder, a link or a pipe | là thư mục, liên kết hoặc ống dẫn
    folders_away | its folders are missing (to create new ones, remove {path})
        | các thư mục của hệ thống không còn (muốn tạo lại thì xóa {path})
    # What an operating system says.
    EACCES | permission denied | không có quyền truy cập
    EPERM | operation not permitted | không được phép thực hiện
    ENOENT | no such file or directory | không có tệp hoặc thư mục
    EEXIST | it exists already | đã tồn tại
    ENOTDIR | not a directory | không phải thư mục
    EISDIR | it is a directory | là thư mục
    ENAMETOOLONG | the name is too long | tên quá dài
    ELOOP | there are too many levels of symbolic links | quá nhiều liên kết nối tiếp
    ENOSPC | no space left on the disk | đĩa đã đầy
    EDQUOT | the disk quota is used up | đã hết hạn mức đĩa
    EROFS | the file system is read-only | hệ thống tệp chỉ cho đọc
    EIO | the disk reports an input or output error | đĩa báo lỗi đọc ghi
    EXDEV | it is on another file system than the agency's other folders
        | nằm trên hệ thống tệp khác với các thư mục khác của cơ quan
    EBUSY | it is in use | đang được sử dụng
    EMFILE | too many open files | mở quá nhiều tệp
    ENFILE | too many open files in the system | hệ thống mở quá nhiều tệp
    ESTALE | the network file is gone | tệp trên mạng không còn
    ENOTCONN | there is no connection | chưa có kết nối
    ENODEV | the device is gone | thiết bị không còn
    ETIMEDOUT | it did not answer in time | không phản hồi kịp
    ECONNREFUSED | the connection was refused | kết nối bị từ chối
    ECONNRESET | the connection was interrupted | kết nối bị ngắt
    EPIPE | the connection was closed | kết nối đã đóng
    EHOSTUNREACH | the host cannot be reached | không tới được máy chủ
    ENETUNREACH | the network cannot be reached | không tới được mạng
    EADDRINUSE | the address is in use | địa chỉ đang được dùng
    EADDRNOTAVAIL | the address is not one of this machine | địa chỉ không thuộc máy này
    """
)

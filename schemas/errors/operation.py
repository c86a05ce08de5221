"""Agencies' systems, stores, settings, files and processes."""

from schemas.errors.entry import entries

OPERATION = entries(
    """
    E_ENDPOINT_DOWN: recipient, retryable
        The system of {agency} cannot receive documents now: {cause}.
        Hệ thống của {agency} hiện không nhận được văn bản: {cause}.
        Repair the agency's system; deliveries then continue by themselves.
        Khắc phục hệ thống của cơ quan; việc chuyển sẽ tự tiếp tục.
    E_OUTBOX_DOWN: recipient, retryable
        The documents that {agency} sends cannot be collected now: {cause}.
        Hiện không lấy được văn bản do {agency} gửi đi: {cause}.
        Give the account of the axis the right to write there; sending then continues by itself.
        Cho tài khoản chạy trục ghi vào nơi đó; việc gửi sẽ tự tiếp tục.
    E_OUTBOX_NOT_WATCHED: operator
        The outbox of {agency} is checked every second, because it cannot be watched: {cause}.
        Thư mục gửi của {agency} được kiểm tra mỗi giây vì không theo dõi được: {cause}.
        Nothing is lost; sending is only slower. Raise the limit, or use a folder on a local disk.
        Không mất văn bản, chỉ chậm hơn. Nâng giới hạn hoặc dùng thư mục trên đĩa cục bộ.
    E_ENDPOINT_REFUSED: recipient
        The system of {agency} refused the document: {cause}.
        Hệ thống của {agency} từ chối văn bản: {cause}.
        Ask the agency for the reason, then replay or discard.
        Hỏi cơ quan lý do, sau đó phát lại hoặc bỏ.
    E_IN_PROGRESS: world, retryable
        Another worker is processing this delivery.
        Một tiến trình khác đang xử lý lượt gửi này.
        It is checked again when the lease of that worker has expired.
        Sẽ xem lại khi hết thời hạn giữ của tiến trình đó.
    E_SIGNING_KEY_AWAY: world, retryable
        The signing key of {agency} cannot be used now: {cause}.
        Hiện không dùng được khóa ký của {agency}: {cause}.
        Nothing is lost; work continues when the key can be used. See 'lienthong keys show'.
        Không mất gì; công việc tiếp tục khi có lại. Xem 'lienthong keys show'.
    E_STORE_AWAY: world, retryable
        The store does not answer: {cause}.
        Cơ sở lưu trữ không phản hồi: {cause}.
        Nothing is lost; work continues when the store answers again.
        Không mất gì; công việc tiếp tục khi có lại.
    E_FORMAT_AWAY: world, retryable
        The format {format} cannot be started: {cause}.
        Không khởi động được bộ định dạng {format}: {cause}.
        Install it again, or ask its maker; deliveries then continue by themselves.
        Cài lại, hoặc hỏi bên cung cấp; việc chuyển sẽ tự tiếp tục.
    E_STORE_FULL: world, retryable
        The disk of the store is full.
        Đĩa lưu trữ đã đầy.
        Free some space; the sender's file stays where it is.
        Giải phóng dung lượng; bản gốc vẫn ở chỗ cũ.
    E_TRUST_LIST: operator
        The trust list {path} cannot be used: {cause}.
        Không dùng được danh sách tin cậy {path}: {cause}.
        Put the authorities' certificates there as *.pem; see docs/signed-pdfs.md.
        Đặt chứng thư của các tổ chức chứng thực vào đó dưới dạng *.pem; xem docs/signed-pdfs.md.
    E_EXTRA_MISSING: operator
        {setting} needs a part that is not installed: the extra '{extra}'.
        {setting} cần phần mở rộng '{extra}' chưa được cài đặt.
        Install lienthong[{extra}], or leave {setting} out.
        Cài lienthong[{extra}], hoặc bỏ {setting}.
    E_SETTING: operator
        The setting {name} is wrong: {cause}.
        Cấu hình {name} sai: {cause}.
        Correct it and start again.
        Sửa lại rồi khởi động lại.
    E_REVOCATION_SOURCE: world, retryable
        The revocation source {source} gives no valid answer: {cause}.
        Nguồn thông tin thu hồi {source} không trả lời hợp lệ: {cause}.
        Its last answer stays in use. Tell the certificate authority, or store a CRL file.
        Vẫn dùng câu trả lời gần nhất. Báo đơn vị cấp chứng thư hoặc nộp tệp CRL.
    E_HOME_UNKNOWN: operator
        There is no axis in {home}: it contains neither a directory nor keys.
        Không có trục nào tại {home}: ở đó không có danh bạ và khóa.
        Check --home and LIENTHONG_HOME; 'lienthong up' creates a new axis.
        Kiểm tra --home và LIENTHONG_HOME; 'lienthong up' tạo trục mới.
    E_PATH: operator
        {path} cannot be read or written: {cause}.
        Không đọc hoặc ghi được {path}: {cause}.
        Give the account that runs this the right to read and write there; check whether the disk is
            full or mounted read-only.
        Cấp quyền đọc và ghi tại đó cho tài khoản đang chạy; kiểm tra ổ đĩa có đầy hay chỉ cho đọc
            không.
    E_HOME_IN_USE: operator
        Another process (pid {pid}) already runs the axis in {home}.
        Tiến trình khác (pid {pid}) đang chạy trục tại {home}.
        Stop it first, or choose another --home.
        Dừng tiến trình đó hoặc chọn --home khác.
    E_CHILD_REFUSED: operator
        `lienthong {command}` stops at every start; its own message says why.
        `lienthong {command}` liên tục kết thúc ngay khi khởi động; thông báo của nó nêu lý do.
        Read the message of that process above, correct what it names, and start again.
        Đọc thông báo của tiến trình đó ở trên, sửa điều được nêu, rồi khởi động lại.
    E_AXIS_UNSEEN: operator
        No axis that serves its metrics is running in {home}.
        Không có trục nào đang chạy và cung cấp số đo tại {home}.
        Start it with 'lienthong up', without LIENTHONG_METRICS=false, or choose another --home.
        Khởi động bằng 'lienthong up', không đặt LIENTHONG_METRICS=false, hoặc chọn --home khác.
    E_AXIS_AWAY: world, retryable
        The axis does not answer at {url}.
        Trục không phản hồi tại {url}.
        Check whether 'lienthong up' is still running; the request is repeated.
        Xem 'lienthong up' còn chạy không; hệ thống sẽ hỏi lại.
    E_KEYS: operator
        The key material of {agency} cannot be used: {cause}.
        Không dùng được khóa của {agency}: {cause}.
        See 'lienthong keys show' and correct the files.
        Xem 'lienthong keys show' và sửa các tệp khóa.
    E_INTERNAL: ours
        An unexpected error in {stage}: {cause}.
        Lỗi không lường trước tại {stage}: {cause}.
        Report it with the fingerprint; the original is kept.
        Báo lỗi kèm dấu vân; bản gốc được giữ lại.
    E_FORMAT_CRASHED: ours
        The format {format} crashed or did not finish in time on this content (times: {times}).
        Bộ định dạng {format} bị hỏng hoặc không xong đúng hạn vì nội dung này (số lần: {times}).
        Report it to the maker of the format; the original is kept.
        Báo cho bên cung cấp bộ định dạng; bản gốc được giữ lại.
    E_OUTPUT_EXISTS: operator
        The file {file} exists already.
        Tệp {file} đã tồn tại.
        Choose another name; nothing is overwritten.
        Chọn tên khác; không ghi đè tệp nào.
    E_INPUT: operator
        {path} cannot be read: {cause}.
        Không đọc được {path}: {cause}.
        Check the name of the file and the right to read it.
        Kiểm tra tên tệp và quyền đọc tệp.
    E_OUTPUT: operator
        {path} cannot be written: {cause}.
        Không ghi được vào {path}: {cause}.
        Choose a place that has room and where you may write; nothing was left there.
        Chọn nơi được phép ghi và còn chỗ trống; không có gì được để lại ở đó.
    """
)

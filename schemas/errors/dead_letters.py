"""Deliveries that the broker gave up, and orders of operators about dead letters."""

from schemas.errors.entry import entries

DEAD_LETTERS = entries(
    """
    E_DELIVERY_LIMIT: ours, delivery_limit
        The delivery was returned to the broker too often: it makes the worker crash.
        Lượt gửi bị trả lại RabbitMQ quá nhiều lần: tiến trình liên tục hỏng vì nó.
        Report it with the fingerprint; replay it after an upgrade.
        Báo lỗi kèm dấu vân; phát lại sau khi nâng cấp.
    E_EXPIRED: operator, expired
        The delivery waited in its mailbox for longer than a policy of the broker allows.
        Lượt gửi chờ trong hộp thư lâu hơn chính sách của RabbitMQ cho phép.
        Find out why nobody fetched it, then replay it.
        Tìm nguyên nhân không ai nhận, sau đó phát lại.
    E_FAILURE_UNREADABLE: ours
        A message in 'failures' does not say what failed; {header} is not understood.
        Một thông điệp trong 'failures' không nêu lỗi gì; không hiểu được {header}.
        Examine its original bytes; replay it if it is a delivery.
        Xem dữ liệu gốc; phát lại nếu đó là một lượt gửi.
    E_REPORT_INVALID: sender, security
        The account {account} published to 'failures' a message that no worker publishes: {header}.
        Tài khoản {account} gửi vào 'failures' thứ mà không tiến trình nào báo như vậy: {header}.
        Ask the holder of the account which program publishes there; suspend it if nobody knows.
        Hỏi bên giữ tài khoản xem chương trình nào gửi vào đó; tạm dừng tài khoản nếu không ai biết.
    E_LETTER_UNREADABLE: ours
        The row of this dead letter in the database cannot be used: {cause}.
        Không dùng được dòng dữ liệu của thư này trong cơ sở dữ liệu: {cause}.
        Ask who wrote into the database; restore the row from a backup.
        Hỏi ai đã ghi vào cơ sở dữ liệu; khôi phục dòng đó từ bản sao lưu.
    E_ORDER_UNREADABLE: operator
        The row of order {id} in the database cannot be used.
        Không dùng được dòng dữ liệu của lệnh {id} trong cơ sở dữ liệu.
        Ask who wrote into the database; restore the row from a backup.
        Hỏi ai đã ghi vào cơ sở dữ liệu; khôi phục dòng đó từ bản sao lưu.
    E_LETTER_UNKNOWN: operator
        There is no dead letter {id}.
        Không có thư lỗi {id}.
        See 'lienthong dlq list'.
        Xem 'lienthong dlq list'.
    E_LETTER_AMBIGUOUS: operator
        Several dead letters begin with {id}.
        Nhiều thư lỗi bắt đầu bằng {id}.
        Give more of its digits; 'lienthong dlq list --json' shows them all.
        Nhập thêm ký tự của mã; 'lienthong dlq list --json' hiện đầy đủ.
    E_GROUP_UNKNOWN: operator
        There is no group {id} of dead letters.
        Không có nhóm thư lỗi {id}.
        See 'lienthong dlq groups'.
        Xem 'lienthong dlq groups'.
    E_GROUP_AMBIGUOUS: operator
        Several groups begin with {id}.
        Nhiều nhóm bắt đầu bằng {id}.
        Give more of its digits; 'lienthong dlq groups --json' shows them all.
        Nhập thêm ký tự của mã; 'lienthong dlq groups --json' hiện đầy đủ.
    E_NO_OWN_MAILBOX: operator
        {code} has no mailbox of its own; {mailbox} serves it.
        {code} không có hộp thư riêng; {mailbox} phục vụ cơ quan đó.
        Name {mailbox}, whose dead letters include those of other agencies.
        Nêu {mailbox}; hộp thư này có cả thư lỗi của cơ quan khác.
    E_SELECTION_EMPTY: operator
        Nothing was chosen: name dead letters, a group, or a filter.
        Chưa chọn gì: nêu mã thư lỗi, nhóm hoặc bộ lọc.
        'lienthong dlq groups' shows what waits; --all takes everything.
        Xem 'lienthong dlq groups'; --all chọn tất cả.
    E_ORDER_UNKNOWN: operator
        There is no order {id}.
        Không có lệnh {id}.
        See 'lienthong dlq orders'.
        Xem 'lienthong dlq orders'.
    E_ORDER_STATE: operator
        The order {id} is {state}, so this is no longer possible.
        Lệnh {id} đang ở trạng thái {state}: không thể làm việc này.
        See 'lienthong dlq orders'.
        Xem 'lienthong dlq orders'.
    E_NEEDS_YES: operator
        This would change {count} dead letters; more than {limit} must be confirmed.
        Việc này tác động {count} thư lỗi; trên {limit} cần xác nhận.
        Check with --dry-run, then repeat with --yes.
        Xem trước bằng --dry-run, rồi lặp lại với --yes.
    E_SAME_OPERATOR: operator
        {operator} gave this order; somebody else must approve it.
        {operator} đã ra lệnh này; người khác phải phê duyệt.
        Ask a second operator for 'lienthong dlq approve'.
        Nhờ người vận hành khác chạy 'lienthong dlq approve'.
    E_REROUTE: operator
        Mailbox {mailbox} does not serve a recipient of dead letter {id}.
        Hộp thư {mailbox} không phục vụ bên nhận của thư lỗi {id}.
        A dead letter may only go to a mailbox that serves the same recipient.
        Thư lỗi chỉ được chuyển tới hộp thư phục vụ cùng bên nhận.
    """
)

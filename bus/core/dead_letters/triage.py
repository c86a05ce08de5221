"""Triage: what an operator should do about a dead letter or a group, and the commands to type.

Decided by where the letters stand, then by a code that needs its own answer, then by class.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bus.core.dead_letters.letter import LetterId, LetterState
from schemas.errors import FailureClass
from schemas.value import Value


class Suggestion(Value):
    """One short sentence in each language.

    Attributes:
        commands: What to type, in this order.
    """

    text_en: str
    text_vi: str
    commands: tuple[str, ...] = ()


def suggest(
    *,
    failure_class: str,
    code: str,
    states: Collection[LetterState],
    target: str,
    example: LetterId,
) -> Suggestion:
    """What to do next.

    Args:
        states: Where the letters stand.
        target: How a command means the letters: `--group 1a2b3c4d`, or an id.
        example: A letter to look at.
    """
    answer = _answer(failure_class, code, frozenset(states))
    one = " --limit 1" if target.startswith("-") else ""
    commands = (
        f"lienthong dlq {verb.format(target=target, example=example[:8], one=one)}"
        for verb in answer.verbs
    )
    return Suggestion(
        text_en=answer.text_en,
        text_vi=answer.text_vi,
        # Replaying one first is the same as replaying a single letter.
        commands=tuple(dict.fromkeys(commands)),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    text_en: str
    text_vi: str
    verbs: tuple[str, ...] = ()


_SHOW = "show {example}"
_REPLAY = "replay {target}"
_REPLAY_ONE = "replay {target}{one}"
_DISCARD = "discard {target} --reason TEXT"
_RESTORE = "restore {target}"
_EXPORT = "export {target} --output FILE"


def _answer(failure_class: str, code: str, states: frozenset[LetterState]) -> _Answer:
    if code == "E_ENDPOINT_DOWN" and states == _WAITING:
        return _SYSTEM_AWAY
    if states in _OF_STATES:
        return _OF_STATES[states]
    if code in _OF_CODE:
        return _OF_CODE[code]
    # A class of a newer version is ours to understand: it is told as a failure of our own.
    return _OF_CLASS.get(failure_class, _AFTER_UPGRADE)


_WAITING = frozenset({LetterState.WAITING})

_SYSTEM_AWAY = _Answer(
    "Have the system or the folder mended that the reason names; then it goes on by itself.",
    "Khắc phục hệ thống hoặc thư mục nêu trong lý do; sau đó việc chuyển tự tiếp tục.",
    (_REPLAY,),
)

_OF_STATES = {
    _WAITING: _Answer(
        "Nothing to do: it is tried again by itself. To try now, replay.",
        "Không cần làm gì: hệ thống tự thử lại. Muốn thử ngay thì phát lại.",
        (_REPLAY,),
    ),
    frozenset({LetterState.REDELIVERED}): _Answer(
        "Nothing to do: it is back in its mailbox. Should it fail again, it says so here.",
        "Không cần làm gì: đã về hộp thư. Nếu lỗi lần nữa sẽ hiện tại đây.",
    ),
    frozenset({LetterState.DISCARDED}): _Answer(
        "Nothing to do. If it was discarded by mistake, restore it.",
        "Không cần làm gì. Nếu bỏ nhầm thì khôi phục.",
        (_RESTORE,),
    ),
    frozenset({LetterState.QUARANTINED}): _Answer(
        "It came back from every replay: mend the cause, then restore and replay.",
        "Phát lại nhiều lần vẫn lỗi: sửa nguyên nhân rồi khôi phục và phát lại.",
        (_SHOW, _RESTORE, _REPLAY),
    ),
}

_OF_CODE = {
    "E_STATE_SECRET": _Answer(
        "Its content was not kept. Report it to whoever is charged with State secrets; discard it.",
        "Nội dung không được lưu. Báo người phụ trách bảo vệ bí mật nhà nước; sau đó bỏ thư này.",
        (_SHOW, _DISCARD),
    ),
    "E_CERTIFICATE_UNKNOWN": _Answer(
        "If the certificate is truly the sender's, import it; when the proof is good, replay.",
        "Nếu chứng thư đúng của bên gửi thì nhập vào; khi chữ ký hợp lệ, hãy phát lại.",
        (_SHOW, _REPLAY),
    ),
    "E_CLOCK_SKEW": _Answer(
        "Have the clocks set; once the signing time has passed, replay.",
        "Chỉnh đồng hồ; khi thời điểm ký đã qua, hãy phát lại.",
        (_SHOW, _REPLAY),
    ),
    "E_UNSUPPORTED_VERSION": _Answer(
        "Upgrade the recipient's software, then replay.",
        "Nâng cấp phần mềm bên nhận rồi phát lại.",
        (_REPLAY_ONE, _REPLAY),
    ),
    "E_SENDER_UNKNOWN": _Answer(
        "If the sender is right, correct the directory, then replay.",
        "Nếu bên gửi đúng thì sửa danh bạ rồi phát lại.",
        (_SHOW, _REPLAY),
    ),
    "E_SENDER_SUSPENDED": _Answer(
        "When the sender is resumed (lienthong agency resume), replay.",
        "Khi bên gửi được mở lại (lienthong agency resume), hãy phát lại.",
        (_SHOW, _REPLAY),
    ),
}

_AFTER_UPGRADE = _Answer(
    "Report it with its group; after an upgrade replay one, then the rest.",
    "Báo lỗi kèm mã nhóm; sau khi nâng cấp, phát lại một thư rồi phần còn lại.",
    (_REPLAY_ONE, _REPLAY),
)

_OF_CLASS: dict[str, _Answer] = {
    FailureClass.SENDER: _Answer(
        "Ask the sender to correct it and send anew; then discard this one.",
        "Đề nghị bên gửi sửa và gửi lại; sau đó bỏ thư này.",
        (_SHOW, _DISCARD),
    ),
    FailureClass.CONFLICT: _Answer(
        "Ask the sender which content is right; discard what is not wanted.",
        "Hỏi bên gửi nội dung nào đúng; bỏ nội dung không dùng.",
        (_SHOW, _DISCARD),
    ),
    FailureClass.SECURITY: _Answer(
        "Do not replay: look at the proof, tell the sender, keep an export.",
        "Không phát lại: xem chữ ký, báo bên gửi, xuất ra để lưu giữ.",
        (_SHOW, _EXPORT, _DISCARD),
    ),
    FailureClass.RECIPIENT_DOWN: _Answer(
        "When the agency's system takes documents again, replay.",
        "Khi hệ thống của cơ quan nhận lại được văn bản, hãy phát lại.",
        (_REPLAY,),
    ),
    FailureClass.RECIPIENT_REFUSED: _Answer(
        "Ask the agency why it refused; then replay or discard.",
        "Hỏi cơ quan vì sao từ chối; sau đó phát lại hoặc bỏ.",
        (_SHOW, _REPLAY, _DISCARD),
    ),
    FailureClass.NOT_THERE_YET: _Answer(
        "Find out why the attachment did not come; when it is there, replay.",
        "Tìm nguyên nhân tệp đính kèm chưa đến; khi tệp đã có, hãy phát lại.",
        (_SHOW, _REPLAY),
    ),
    FailureClass.OURS: _AFTER_UPGRADE,
    FailureClass.DELIVERY_LIMIT: _AFTER_UPGRADE,
    FailureClass.EXPIRED: _Answer(
        "Find out why nobody fetched it, then replay.",
        "Tìm nguyên nhân không ai nhận, sau đó phát lại.",
        (_REPLAY,),
    ),
}

"""A declared mark of State secrecy stops a document before anything of it is published or kept."""

import gc
import json
import logging
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

import pytest

from adapters.contract import Limits
from adapters.formats.canonical_json import CanonicalJsonFormat, to_canonical_json
from bus.attachments.folder import FolderAttachments
from bus.core.dead_letters.selection import Selection
from bus.core.events import FailureRecorded
from bus.core.failure import FAILURE_HEADER, Failure
from bus.core.pending_files import PendingFiles
from bus.memory.attachments import MemoryAttachments
from bus.store.dead_letters.letters import SqlDeadLetters
from schemas.problem import DocumentError
from schemas.secrecy import declared_mark, mark_in_list, secrecy_mark
from tests.support.builders import encoded, listed, packet, refusal
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document, an_envelope
from tests.support.stores import letters_in
from tests.support.two_agencies import TwoAgencies, eventually, publish

SECRET = b"the content of a secret file"


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ("Mật", "Mật"),
        ("TỐI MẬT", "Tối mật"),
        ("  tuyệt   mật \n", "Tuyệt mật"),
        (normalize("NFD", "Tuyệt mật"), "Tuyệt mật"),
        ("tối\N{NO-BREAK SPACE}mật", "Tối mật"),
        ("Tối\N{ZERO WIDTH SPACE} mật", "Tối mật"),
        ("M Ậ T", "Mật"),
        ("(MẬT)", "Mật"),
        ("“Mật.”", "Mật"),
        ("Độ mật: Tối mật", "Tối mật"),
        ("DẤU ĐỘ MẬT: MẬT", "Mật"),
        ("Mức độ bảo mật: Mật", "Mật"),
        ("Văn bản mật", "Mật"),
        ("TOI MAT", "Tối mật"),
        ("ＭẬＴ", "Mật"),
    ],
)
def test_a_mark_is_known_however_it_is_written(said: str, mark: str) -> None:
    assert secrecy_mark(said) == mark


@pytest.mark.parametrize(
    "said",
    [
        "Bảo mật",
        "Không mật",
        "Độ mật",
        "Độ mật: Không",
        "Thường",
        "Mật ong",
        "mat",
        "V/v bảo mật thông tin",
        "Kế hoạch bảo mật",
        "",
        "MT",
    ],
)
def test_innocent_words_are_no_mark(said: str) -> None:
    assert secrecy_mark(said) is None
    assert mark_in_list(said) is None


def test_a_mark_among_other_notes_counts_in_a_field_of_notes() -> None:
    assert mark_in_list("Hỏa tốc, mật") == "Mật"
    assert mark_in_list("Công văn (Tối mật)") == "Tối mật"
    assert secrecy_mark("Báo cáo - mật") is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"circulation": "Mật"}, "circulation"),
        ({"circulation": "Lưu hành nội bộ; TỐI MẬT"}, "circulation"),
        ({"type_name": "Công văn (Mật)"}, "type_name"),
        ({"drafter": "MẬT"}, "drafter"),
        ({"subject": "[Tuyệt mật]"}, "subject"),
        ({"content": "mật"}, "content"),
        ({"raw": {"OtherInfo/SecurityLevel": "Mật"}}, "OtherInfo/SecurityLevel"),
    ],
)
def test_every_field_that_can_declare_is_looked_at(changes: dict[str, object], field: str) -> None:
    declared = declared_mark(a_document(**changes))

    assert declared is not None
    assert declared[0] == field


def test_people_and_free_text_are_not_looked_at() -> None:
    said = a_document(
        subject="V/v tăng cường bảo mật, mật khẩu", to_places=("Mật",), content="Tài liệu: mật, gấp"
    )

    assert declared_mark(said) is None


def test_an_attribute_of_a_packet_may_declare_too() -> None:
    problem = refusal(packet(("<edXML:OtherInfo>", '<edXML:OtherInfo SecurityLevel="Tối mật">')))

    assert problem.code == "E_STATE_SECRET"
    assert problem.params == {"mark": "Tối mật"}


@pytest.mark.parametrize(
    "changed",
    [
        {"secrecy": "Mật"},
        {"raw": {"SecurityLevel": "Tối mật"}},
        {"signer": {"full_name": "A", "handling": {"marks": ["thường", "MẬT"]}}},
    ],
)
def test_unknown_fields_of_canonical_json_may_declare_too(changed: dict[str, object]) -> None:
    file = json.loads(to_canonical_json(a_document()))
    file["document"] |= changed

    assert _json_refusal(file) == "E_STATE_SECRET"


def test_an_unknown_member_of_canonical_json_may_declare_too() -> None:
    file = json.loads(to_canonical_json(a_document()))

    assert _json_refusal({"marks": {"secrecy": "Tuyệt mật"}} | file) == "E_STATE_SECRET"


async def test_nothing_of_a_refused_secret_leaves_the_sender(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its file is read before the header: the mark is seen last."""
    text = packet(
        ("000.00.00.H98", SENDER),
        ("000.00.07.H99", RECIPIENT),
        ("<edXML:OtherInfo>", "<edXML:OtherInfo><edXML:SecurityLevel>Mật</edXML:SecurityLevel>"),
        listed("a.txt"),
        files=encoded("a.txt", SECRET, declared="text/plain"),
    ).decode()
    start, end = text.index("  <edXML:edXMLEnvelope"), text.index("<AttachmentEncoded>")
    last = text.index("</edXML>")
    first = text[:start] + text[end:last] + text[start:end] + text[last:]
    axis = TwoAgencies(tmp_path)
    store = axis.parts.attachments
    assert isinstance(store, MemoryAttachments)
    with caplog.at_level(logging.DEBUG):
        async with axis.running():
            axis.drop(SENDER, "a.edxml", first.encode())
            await eventually(lambda: axis.refused(SENDER))

    assert axis.refused(SENDER) == ["a.edxml", "a.edxml.error.json"]
    report = json.loads((axis.folder(SENDER) / "refused/a.edxml.error.json").read_bytes())
    assert [problem["code"] for problem in report["problems"]] == ["E_STATE_SECRET"]
    assert store._files == {}
    assert axis.documents(RECIPIENT) == axis.sent(SENDER) == []
    assert axis.failures == []
    assert "secret file" not in caplog.text + repr(axis.events)


async def test_a_recipient_refuses_what_a_sender_let_pass_and_keeps_no_content(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope(a_document(circulation="TỐI MẬT")))
        await eventually(lambda: axis.failures and axis.statuses(SENDER))

    [letter] = axis.failures
    failure = Failure.model_validate_json(letter.headers[FAILURE_HEADER])
    assert failure.problem.code == "E_STATE_SECRET"
    assert letter.body == b""
    assert axis.documents(RECIPIENT) == []
    assert axis.statuses(SENDER)[0].split("_")[1] == "02"


async def test_the_dead_letter_of_a_secret_holds_why_and_not_what(tmp_path: Path) -> None:
    letters, axis = letters_in(tmp_path / ".stores", SqlDeadLetters), TwoAgencies(tmp_path)
    async with axis.running(axis.handler(letters)):
        await publish(axis, an_envelope(a_document(type_name="Tờ trình (Tuyệt mật)")))
        await eventually(lambda: axis.of_type(FailureRecorded))

    [letter] = await letters.find(Selection(), limit=10)
    message = await letters.message(letter.id)
    assert letter.problem.code == "E_STATE_SECRET"
    assert message.body == b""
    assert "trình" not in repr(message) + repr(letter)


async def test_a_format_of_a_stranger_cannot_let_a_secret_pass(tmp_path: Path) -> None:
    class Careless(CanonicalJsonFormat):
        def read(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
            reading = super().read(*arguments, **named)  # type: ignore[arg-type]
            return reading.model_copy(
                update={"message": reading.message.model_copy(update={"circulation": "Mật"})}
            )

    axis = TwoAgencies(tmp_path)
    axis.parts = type(axis.parts)(**(vars(axis.parts) | {"format": Careless()}))
    document = a_document()
    async with axis.running():
        axis.drop(SENDER, "a.json", to_canonical_json(document))
        await eventually(lambda: axis.refused(SENDER))

    assert axis.documents(RECIPIENT) == []
    assert axis.failures == []


def test_files_of_a_packet_that_is_not_taken_leave_nothing_in_the_folder(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path, now=NOW)
    held = PendingFiles(store)
    for content in (SECRET, bytes(1_000_000), b"x" * 5_000_000, b"y" * 5_000):
        writer = held.begin()
        writer.write(content)
        kept = writer.keep()
        assert not store.has(kept.sha256)

    held.discard_all()

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_of_a_packet_that_is_taken_are_all_found(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path, now=NOW)
    held, contents = PendingFiles(store), [SECRET, bytes(1_000_000), b"x" * 5_000_000, b"y", SECRET]
    digests = []
    for content in contents:
        writer = held.begin()
        writer.write(content)
        digests.append(writer.keep().sha256)

    held.keep_all()
    held.discard_all()

    for digest, content in zip(digests, contents, strict=True):
        with store.open(digest) as file:
            assert file.read() == content
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4


def test_held_files_cost_no_descriptors(tmp_path: Path) -> None:
    held = PendingFiles(FolderAttachments(tmp_path, now=NOW))
    # Databases of other tests close their files when they are collected.
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(100):
        writer = held.begin()
        writer.write(b"%d" % number + bytes(300_000))
        writer.keep()
    after = len(list(Path("/proc/self/fd").iterdir()))
    held.discard_all()

    assert after == before


def _json_refusal(file: dict[str, object]) -> str:
    with pytest.raises(DocumentError) as refused:
        CanonicalJsonFormat().read(
            BytesIO(json.dumps(file).encode()),
            sink=MemoryAttachments(),
            limits=Limits(),
            today=NOW.date(),
        )
    return refused.value.problem.code

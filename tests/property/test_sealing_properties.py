"""Sealing properties: whatever is sealed comes back, and nothing that was touched does."""

from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bus.core.base64url import from_base64url, to_base64url
from bus.core.sealing.stream import CHUNK_BYTES, TAG_BYTES, opened, opened_chunks, sealed_chunks
from tests.support.envelopes import RECIPIENT, a_document
from tests.support.seals import Seals, code_of, resealed, seal_of, with_key

KEY = bytes(range(32))
_SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
_SEALS = Seals()
_ENVELOPE = _SEALS.sealed(files=[b"one", b"two"])


def _texts(longest: int) -> st.SearchStrategy[str]:
    """What every format can write."""
    writable = st.characters(exclude_categories=("Cs", "Cc", "Cn"))
    return st.text(writable, max_size=longest)


_sizes = st.one_of(
    st.integers(0, 3000),
    st.builds(
        lambda chunks, beside: max(0, chunks * CHUNK_BYTES + beside),
        st.integers(0, 3),
        st.integers(-2, 2),
    ),
)


@given(size=_sizes, piece=st.integers(1, 3 * CHUNK_BYTES))
@example(size=0, piece=1)
@example(size=CHUNK_BYTES, piece=CHUNK_BYTES)
@example(size=2 * CHUNK_BYTES, piece=CHUNK_BYTES - 1)
@settings(max_examples=60, deadline=None)
def test_a_file_of_any_size_in_any_pieces_comes_back(size: int, piece: int) -> None:
    data = _data(size)
    piece = max(piece, size // 200 + 1)
    sealed = b"".join(sealed_chunks(_pieces(data, piece), KEY))

    assert b"".join(opened_chunks(BytesIO(sealed), KEY)) == data
    assert len(sealed) == size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


@given(size=_sizes, place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_file_with_any_bit_flipped_is_refused(size: int, place: float, bit: int) -> None:
    sealed = bytearray(b"".join(sealed_chunks([_data(size)], KEY)))
    sealed[int(place * len(sealed))] ^= 1 << bit

    assert _refused(bytes(sealed), size) == "E_SEAL_BROKEN"


@given(size=_sizes, kept=st.floats(0, 1, exclude_max=True))
@settings(max_examples=40, deadline=None)
def test_a_file_that_was_cut_anywhere_is_refused(size: int, kept: float) -> None:
    sealed = b"".join(sealed_chunks([_data(size)], KEY))

    assert _refused(sealed[: int(kept * len(sealed))], size) == "E_SEAL_BROKEN"


@pytest.mark.parametrize("order", [(0,), (0, 1), (1, 0, 2), (0, 0, 1, 2), (0, 2), (0, 1, 2, 2)])
def test_chunks_left_out_doubled_or_in_another_order_are_refused(order: tuple[int, ...]) -> None:
    size = 3 * CHUNK_BYTES
    sealed = b"".join(sealed_chunks([_data(size)], KEY))
    chunks = [sealed[n * _SEALED_CHUNK : (n + 1) * _SEALED_CHUNK] for n in range(3)]

    assert _refused(b"".join(chunks[n] for n in order), size) == "E_SEAL_BROKEN"


def test_a_chunk_of_another_file_is_refused() -> None:
    ours, theirs = (b"".join(sealed_chunks([_data(9)], key)) for key in (KEY, KEY[::-1]))

    assert ours != theirs
    assert _refused(theirs, 9) == "E_SEAL_BROKEN"


def test_a_file_under_another_digest_is_refused() -> None:
    sealed = b"".join(sealed_chunks([b"content"], KEY))

    assert code_of(opened(BytesIO(sealed), KEY, digest="0" * 64).read) == "E_SEAL_BROKEN"


@given(subject=_texts(300), content=_texts(3000), data=st.binary(max_size=99))
@settings(max_examples=40, deadline=None)
def test_any_content_comes_back(subject: str, content: str, data: bytes) -> None:
    document = a_document(subject=subject, content=content)
    read = _SEALS.opened(_SEALS.sealed(document, files=[data]))

    assert read.envelope.document is not None
    assert read.envelope.document.model_copy(update={"attachments": ()}) == document
    assert _SEALS.file(read, sha256(data).hexdigest()) == data


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_content_with_any_bit_flipped_is_refused(place: float, bit: int) -> None:
    content = _flipped(seal_of(_ENVELOPE).content, place, bit)

    assert _SEALS.refusal(resealed(_ENVELOPE, content=content)) == "E_SEAL_BROKEN"


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_wrapped_key_with_any_bit_flipped_is_refused(place: float, bit: int) -> None:
    wrapped = _flipped(seal_of(_ENVELOPE).keys[0].wrapped, place, bit)

    assert _SEALS.refusal(with_key(_ENVELOPE, RECIPIENT, wrapped=wrapped)) == "E_SEAL_BROKEN"


def _flipped(text: str, place: float, bit: int) -> str:
    data = bytearray(from_base64url(text))
    data[int(place * len(data))] ^= 1 << bit
    return to_base64url(bytes(data))


def _data(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _refused(sealed: bytes, size: int) -> str:
    reader = opened(BytesIO(sealed), KEY, digest=sha256(_data(size)).hexdigest())
    return code_of(reader.read)

"""Base64 in pieces is the same as base64 at once."""

from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.formats.base64_stream import Base64Decoder, encode


def decoded(pieces: list[bytes]) -> bytes:
    decoder = Base64Decoder()
    found = b"".join(map(decoder.feed, pieces))
    decoder.finish()
    return found


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300)), blanks=st.booleans())
def test_text_cut_anywhere_decodes_alike(data: bytes, cuts: list[int], blanks: bool) -> None:
    text = b64encode(data)
    if blanks:
        text = b" \r\n".join(text[at : at + 5] for at in range(0, len(text), 5))
    bounds = [0, *sorted(cuts), len(text) + 300]
    pieces = [text[start:end] for start, end in pairwise(bounds)]

    assert decoded(pieces) == data


@given(chunks=st.lists(st.binary(max_size=50)))
def test_chunks_of_any_size_encode_alike(chunks: list[bytes]) -> None:
    assert b"".join(encode(chunks)) == b64encode(b"".join(chunks))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"QQ"],
        [b"QQ", b"="],
        [b"QQ==", b"QQ=="],
        [b"QQ==QQ=="],
        [b"QQ=", b"=Q"],
        [b"="],
        [b"===="],
        [b"QUJ-"],
        [b"QUJ\xc3"],
        [b"QU.J"],
    ],
)
def test_what_is_not_base64_is_refused(pieces: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|truncated"):
        decoded(pieces)

"""Mutation: a valid input with a few things cut, doubled, exchanged or put in; for hypothesis."""

from hypothesis import strategies as st

from tests.fuzz.corpus import corpus

_TOKENS = {
    "edxml": (
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"&#xD800;", b"&#65534;", b"<![CDATA[",
        b"]]>", b"<?x y?>", b"<!-- -->", b' xmlns:a=""', b' xmlns=""', b' xmlns:edXML="u"',
        b"<edXML:OrganId>", b"</edXML:OrganId>", b"\xef\xbb\xbf", b"\xff\xfe", b"null",
        b"<edXML:To/>", b"<Attachment/>", b"9" * 30, b'="', b"\r",
    ),
    "json": (
        b'"\\ud800"', b"\\u0000", b"NaN", b"1e999", b"9" * 5000, b"[" * 70, b'"a":1,"a":2', b"{}",
        b"null", b"-", b'"contents":{', b"\xff", b'"",', b"\\", b"true", b"\xef\xbb\xbf", b"[]",
    ),
    "envelope": (
        b'"\\ud800"', b"\\u0000", b"9" * 4000, b"[" * 300, b'"2.0"', b"null", b"[]", b"{}",
        b'"9999-12-31T23:59:59+00:00"', b'"0001-01-01T00:00:00+14:00"', b"-1", b'"x":', b"1e400",
    ),
    "jws": (b"eyJhbGciOiJub25lIn0", b"..", b"=", b"\n", b"A" * 86, b"-", b"_", b"."),
    "zip": (b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04", b"\xff\xff", b"\0\0\0\0", b"../"),
    "frames": (b"\xff\xff\xff\xff", b"F", b"S", b"T", b"A", b"D", b"x", b"\0" * 8, b"\xff" * 9),
    "failures": (b"\n", b"{}", b".", b"\0", b"[" * 300, b'{"problem":{"code":"X"}}'),
    "base64": (b"=", b"==", b"\n", b"A", b"\xff"),
    "dates": (b"/", b":", b"00", b"9999", b"\xd9\xa1", b" ", b","),
}  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, target: str) -> bytes:
    """An input near a valid one, or far from all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = draw(st.sampled_from(corpus(target)))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 60)))
        piece = data[start:end]
        match draw(st.sampled_from(("cut", "double", "token", "byte", "move"))):
            case "cut":
                data = data[:start] + data[end:]
            case "double":
                data = data[:start] + piece * draw(st.sampled_from((2, 3, 100))) + data[end:]
            case "token":
                data = data[:start] + draw(st.sampled_from(_TOKENS[target])) + data[end:]
            case "byte":
                data = data[:start] + draw(st.binary(min_size=1, max_size=4)) + data[start + 1 :]
            case _:
                at = draw(st.integers(0, len(data)))
                data = data[:at] + piece + data[at:]
    return data

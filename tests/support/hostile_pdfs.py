"""Hostile PDFs: small files that ask for more than anybody should give."""

import zlib


def nested(depth: int) -> bytes:
    """Arrays within arrays, which the parser must descend."""
    return _pdf(b"<< /Type /Catalog /Pages " + b"[" * depth + b"]" * depth + b" >>")


def looping_fields() -> bytes:
    """Form fields that are each other's parents and children."""
    catalog = b"<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>"
    field = b"<< /T (a) /Kids [2 0 R 2 0 R 2 0 R] /Parent 2 0 R >>"
    return _pdf(catalog, field)


def bomb(size: int) -> bytes:
    """A cross-reference stream that unpacks to `size` bytes, from a thousandth of them."""
    packed = zlib.compress(bytes(size), 9)
    # Packed twice: what is left is as small as a letter.
    twice = zlib.compress(packed, 9)
    head = b"%PDF-1.7\n"
    stream = (
        b"1 0 obj\n<< /Type /XRef /W [1 8 8] /Size 100 /Root 1 0 R "
        b"/Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%b\nendstream\nendobj\n"
        % (len(twice), twice)
    )
    return head + stream + b"startxref\n%d\n%%%%EOF\n" % len(head)


def endless_xref() -> bytes:
    """A cross-reference table that is its own predecessor."""
    return _pdf(b"<< /Type /Catalog >>", previous=True)


def huge_xref(entries: int) -> bytes:
    """A table that announces more entries than the file has bytes."""
    head = b"%PDF-1.7\n"
    table = b"xref\n0 %d\n0000000000 65535 f \ntrailer\n<< /Size %d >>\n" % (entries, entries)
    return head + table + b"startxref\n%d\n%%%%EOF\n" % len(head)


def _pdf(*objects: bytes, previous: bool = False) -> bytes:
    """A PDF of these objects, the first of which is the catalogue."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    back = b" /Prev %d" % len(body) if previous else b""
    trailer = b"trailer\n<< /Size %d /Root 1 0 R%b >>\n" % (len(objects) + 1, back)
    return body + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)

"""Media type: find the type of a file from its first bytes and the extension of its name.

The first bytes decide the family, and the extension the member of it (a docx is a ZIP). The table
is our own because the type is written into packets: it must not change with a library's version.
"""

import codecs
import re

HEAD_BYTES = 4096
"""How many bytes of a file `sniff` needs."""

OCTETS = "application/octet-stream"
ZIP = "application/zip"
ZIP_MAGIC = b"PK\x03\x04"

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_ZIP_BASED = {
    "zip": ZIP,
    "": ZIP,
    "docx": _OFFICE + "wordprocessingml.document",
    "xlsx": _OFFICE + "spreadsheetml.sheet",
    "pptx": _OFFICE + "presentationml.presentation",
    "odt": _OPEN_DOCUMENT + "text",
    "ods": _OPEN_DOCUMENT + "spreadsheet",
    "odp": _OPEN_DOCUMENT + "presentation",
    "docm": "application/vnd.ms-word.document.macroEnabled.12",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    "epub": "application/epub+zip",
    "kmz": "application/vnd.google-earth.kmz",
    "jar": "application/java-archive",
    "apk": "application/vnd.android.package-archive",
}
_OTHERS = (
    "3mf aab aar adoc apks appx appxbundle asice asics bdoc cbz dotm dotx dwfx ear edoc egg ggb"
    " hwpx idml ifczip ipa key kra msix msixbundle mscz nupkg numbers odb odc odf odg odi odm ora"
    " otg oth otp ots ott oxps pages pbix pkpass potm potx ppam ppsm ppsx sb3 scs sce sketch sldx"
    " stw sxc sxd sxi sxw thmx twbx usdz vsdm vsdx vsix vssx vstx war wgt whl xapk xlam xlsb xltm"
    " xltx xmind xpi xps"
)
_OTHER_ZIP_BASED = frozenset(_OTHERS.split())
"""Extensions of files that are ZIPs and for which we have no media type."""
ARCHIVES = frozenset(_ZIP_BASED.values()) - {ZIP} | {OCTETS}
"""The types that `sniff` gives to a ZIP whose name has another extension than `.zip`."""

_COMPOUND = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
}
_TEXT = {
    "txt": "text/plain",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "xml": "application/xml",
    "edxml": "application/xml",
    "json": "application/json",
    "svg": "image/svg+xml",
    "eml": "message/rfc822",
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b\x08", "application/gzip"),
)
_COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXTENSIONS = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "application/rtf": "rtf",
    "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z",
    "application/gzip": "gz",
    ZIP: "zip",
    "application/xml": "xml",
    "text/plain": "txt",
}
_EXTENSION = re.compile(r"[^.]\.([A-Za-z0-9]{1,10})\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def extension(name: str) -> str:
    """The extension of a file name in lower case, without the dot; empty when it has none."""
    match = _EXTENSION.search(name)
    return match[1].lower() if match else ""


def extension_for(media_type: str) -> str:
    """The extension for a file that has none, so that its type stays the same."""
    return _EXTENSIONS.get(media_type, "bin")


def is_zip_based(name: str) -> bool:
    """Whether files with this extension are archives with any number of entries."""
    suffix = extension(name)
    return suffix != "" and (suffix in _ZIP_BASED or suffix in _OTHER_ZIP_BASED)


def is_textual(name: str) -> bool:
    """Whether the extension says that it is text, in which unusual characters are no damage."""
    return extension(name) in _TEXT


def sniff(head: bytes, name: str) -> str:
    """The media type of a file, from its first `HEAD_BYTES` and its name.

    A ZIP is `application/zip` only if its name says so, because readers unpack every file of that
    type.
    """
    suffix = extension(name)
    if head.startswith(ZIP_MAGIC):
        return _ZIP_BASED.get(suffix, OCTETS)
    if head.startswith(_COMPOUND_MAGIC):
        return _COMPOUND.get(suffix, OCTETS)
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if _is_text(head):
        if suffix not in _TEXT and head.startswith(b"<?xml"):
            return "application/xml"
        return _TEXT.get(suffix, "text/plain")
    return OCTETS


def _is_text(head: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        # A character may be cut in two where the head ends.
        text = decoder.decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None

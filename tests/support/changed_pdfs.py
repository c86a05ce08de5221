"""Changed PDFs: what is done to files after they were signed, by honest hands and others."""

from collections.abc import Callable, Sequence
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

Change = Callable[[IncrementalPdfFileWriter], None]

WHOLE_PAGE = (0, 0, 595, 842)
OWN_PLACE = (350, 100, 550, 200)
OVER_THE_TEXT = (30, 795, 170, 820)
"""Where `signed_pdfs.blank` has its only line."""


def changed(pdf: bytes, change: Change) -> bytes:
    """The PDF with an incremental update."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def first_page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    """The page as the update will have it."""
    page = writer.root["/Pages"]["/Kids"][0]
    assert isinstance(page, generic.DictionaryObject)
    return page


def appearance(writer: IncrementalPdfFileWriter, box: Sequence[float]) -> generic.DictionaryObject:
    """A form that paints all of its rectangle."""
    width, height = box[2] - box[0], box[3] - box[1]
    stream = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): numbers(0, 0, max(width, 1), max(height, 1)),
        },
        stream_data=f"1 0 0 rg 0 0 {width} {height} re f".encode(),
    )
    return generic.DictionaryObject({pdf_name("/N"): writer.add_object(stream)})


def numbers(*given: float) -> generic.ArrayObject:
    """A rectangle, or another array of numbers."""
    return generic.ArrayObject(map(generic.FloatObject, given))


def field(
    name: str = "Added", box: Sequence[float] = OWN_PLACE, *, prepared: bool = False
) -> Change:
    """Add a signature field that nobody signed."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        left, low, right, high = map(int, box)
        spec = SigFieldSpec(name, box=(left, low, right, high), empty_field_appearance=False)
        append_signature_field(writer, spec)
        if not prepared:
            last_field(writer)["/AP"] = appearance(writer, box)

    return change


def last_field(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    """The field that was added last."""
    reference = writer.root["/AcroForm"]["/Fields"].raw_get(-1)
    writer.mark_update(reference)
    found = reference.get_object()
    assert isinstance(found, generic.DictionaryObject)
    return found


def annotation(kind: str, box: Sequence[float] = OVER_THE_TEXT, flags: int = 4) -> Change:
    """Lay something on the page."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        value = generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name(kind),
                pdf_name("/Rect"): numbers(*box),
                pdf_name("/F"): generic.NumberObject(flags),
                pdf_name("/Contents"): generic.TextStringObject("x"),
                pdf_name("/AP"): appearance(writer, box),
            }
        )
        writer.register_annotation(
            writer.root["/Pages"]["/Kids"].raw_get(0), writer.add_object(value)
        )

    return change


def text_field(name: str, value: str, box: Sequence[float] = (40, 600, 240, 620)) -> Change:
    """Add a form field that can be filled in."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        entry = generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/Widget"),
                pdf_name("/FT"): pdf_name("/Tx"),
                pdf_name("/T"): generic.TextStringObject(name),
                pdf_name("/V"): generic.TextStringObject(value),
                pdf_name("/Rect"): numbers(*box),
                pdf_name("/F"): generic.NumberObject(4),
                pdf_name("/AP"): appearance(writer, box),
            }
        )
        reference = writer.add_object(entry)
        page = writer.root["/Pages"]["/Kids"].raw_get(0)
        writer.register_annotation(page, reference)
        if "/AcroForm" in writer.root:
            writer.root["/AcroForm"]["/Fields"].append(reference)
            writer.update_container(writer.root["/AcroForm"]["/Fields"])
            return
        form = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject([reference])})
        writer.root["/AcroForm"] = writer.add_object(form)
        writer.update_root()

    return change


def filled(value: str) -> Change:
    """Fill in the first field of the form."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        reference = writer.root["/AcroForm"]["/Fields"].raw_get(0)
        entry = reference.get_object()
        entry["/V"] = generic.TextStringObject(value)
        entry["/AP"] = appearance(writer, (0, 0, 200, 20))
        writer.mark_update(reference)

    return change

"""Additions: what was added to a file after a signature that can change what is seen.

pyHanko's difference analysis says whether an update is of a kind that PDF knows: signatures, filled
form fields, evidence. That is not enough: a signature field that nobody signed, or one that lies
over the text, is of that kind, and so is a form field that was filled in. So here it is asked what
can be seen of it, and whether the signer certified that it may (ISO 32000-1, 12.8.2.2 and .4).
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import EmbeddedPdfSignature

from bus.pdf.drawn_areas import areas_drawn_on
from bus.pdf.fonts import value_in
from bus.pdf.geometry import Box, box_of
from schemas.term import Term, term

_MOST_FIELDS = 10_000
_MOST_PAGES = 20_000
_DEEPEST = 64
_AT_LEAST = 1.0
"""In points: rectangles that have less than this in common only touch each other."""

_OF_A_SIGNATURE = frozenset(
    {
        *("/Type", "/Subtype", "/FT", "/T", "/TU", "/TM", "/V", "/Ff", "/F", "/Rect", "/P", "/NM"),
        *("/M", "/AP", "/AS", "/MK", "/BS", "/Border", "/H", "/DA", "/Q", "/DR", "/Lock", "/SV"),
        *("/Kids", "/Parent", "/StructParent", "/C", "/CA", "/Contents", "/Lang"),
    }
)
"""What a field that only shows a signature may hold: above all no actions."""
_NO_ZOOM, _NO_ROTATE = 1 << 3, 1 << 4
"""Flags of annotations that are drawn beyond their rectangles (12.5.3)."""
_UNSEEN = frozenset({"/Link", "/Popup"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Additions:
    """What follows from what was added.

    Attributes:
        fault: What makes the file another than the one that was signed; None: nothing.
        told: What the signer allowed, and a reader must be told.
    """

    fault: Term | None = None
    told: tuple[Term, ...] = ()


class _ForbiddenError(Exception):
    """Something was added that changes what is seen, and may not."""

    def __init__(self, fault: Term) -> None:
        super().__init__(fault.code)
        self.fault = fault


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    """A form field with its widgets: itself, or those below it."""

    name: str
    kind: str
    value: generic.DictionaryObject
    widgets: tuple[tuple[int | None, generic.DictionaryObject], ...]

    @property
    def is_signed(self) -> bool:
        return value_in(self.value, "/V", None) is not None

    @property
    def has_appearance(self) -> bool:
        return any("/AP" in widget for _, widget in self.widgets)

    @property
    def is_plain(self) -> bool:
        """Whether it shows a signature, and does no more."""
        parts = (self.value, *(widget for _, widget in self.widgets))
        return all(
            each.keys() <= _OF_A_SIGNATURE
            and value_in(each, "/Subtype", "/Widget") == "/Widget"
            and not int(value_in(each, "/F", 0)) & (_NO_ZOOM | _NO_ROTATE)
            for each in parts
        )


@dataclass(slots=True)
class AdditionsFinder:
    """Finds for one file; what its pages show is looked up once for each revision."""

    reader: PdfFileReader
    names: Mapping[str, str]
    """Field → who signed it: signatures that are judged, and time stamps that count."""
    _shown: dict[tuple[int, int], Sequence[tuple[int | None, Box]]] = field(default_factory=dict)

    def after(self, signature: EmbeddedPdfSignature) -> Additions:
        """What was added after a signature whose difference analysis found nothing forbidden."""
        result = signature.diff_result
        if not isinstance(result, DiffResult):
            return Additions(fault=term("pdf_addition"))
        if result.modification_level is ModificationLevel.NONE:
            return Additions()
        try:
            return Additions(told=tuple(self._told(signature, result.changed_form_fields)))
        except _ForbiddenError as forbidden:
            return Additions(fault=forbidden.fault)

    def _told(self, signature: EmbeddedPdfSignature, changed: AbstractSet[str]) -> Iterator[Term]:
        """Raises `_ForbiddenError`."""
        old = self.reader.get_historical_resolver(signature.signed_revision)
        before, now = _fields(old.root), _fields(self.reader.root)
        if not changed <= now.keys():
            raise _ForbiddenError(term("pdf_addition"))
        certified = _certified(signature)
        for later in now.values():
            earlier = before.get(later.name)
            if later.kind == "/Sig" and (
                earlier is None or earlier.is_signed is not later.is_signed
            ):
                seen = certified and earlier is not None
                yield from self._of_signature(signature, later, seen=seen)
        values = sorted(name for name in changed if now[name].kind != "/Sig")
        names = ", ".join(values)
        if values and not certified:
            raise _ForbiddenError(term("pdf_fields_filled", fields=names))
        if values:
            yield term("pdf_added_values", fields=names)
        if not certified and _drawn_otherwise(old.root, self.reader.root, now.values()):
            raise _ForbiddenError(term("pdf_form_drawing"))

    def _of_signature(
        self, signature: EmbeddedPdfSignature, later: _Field, *, seen: bool
    ) -> Iterator[Term]:
        """A signature field that was added, or signed, later. Raises `_ForbiddenError`.

        Args:
            seen: The signer saw the empty field, and certified that it may be signed.
        """
        places = [
            (number, page, box)
            for number, page, box, widget in self._places(later)
            if box.area or "/AP" in widget
        ]
        if not later.is_plain:
            raise _ForbiddenError(term("pdf_field_acts", field=later.name))
        name = self.names.get(later.name)
        if name is None and (places or later.has_appearance):
            number = places[0][0] if places else 0
            raise _ForbiddenError(term("pdf_field_empty", field=later.name, page=number))
        own = {each for each, _ in later.widgets}
        for number, page, box in places:
            if not seen and self._lies_over(signature, number, page, box, own=own):
                raise _ForbiddenError(term("pdf_field_covers", field=later.name, page=number))
            yield term("pdf_added_signature", field=later.name, page=number, name=name)

    def _places(
        self, of: _Field
    ) -> Iterator[tuple[int, generic.Reference, Box, generic.DictionaryObject]]:
        """Every page on which it stands, counted from one, with its rectangle there."""
        widgets = {number: widget for number, widget in of.widgets if number is not None}
        for count, reference in enumerate(_pages(self.reader.root), 1):
            page: Any = reference.get_object()
            for each in value_in(page, "/Annots", ()):
                if isinstance(each, generic.IndirectObject) and each.idnum in widgets:
                    widget = widgets[each.idnum]
                    box = box_of(value_in(widget, "/Rect", ()))
                    yield count, reference, box or _whole(page), widget

    def _lies_over(
        self,
        signature: EmbeddedPdfSignature,
        number: int,
        page: generic.Reference,
        box: Box,
        *,
        own: Container[int | None],
    ) -> bool:
        """Whether it covers something that the signer saw on this page."""
        key = (signature.signed_revision, number)
        if key not in self._shown:
            old = self.reader.get_historical_resolver(signature.signed_revision)
            before = old.get_object(page)
            drawn = ((None, each) for each in areas_drawn_on(before))
            self._shown[key] = (*drawn, *_shown_by_annotations(before))
        for of, shown in self._shown[key]:
            if of is not None and of in own:
                continue
            common = box.meeting(shown)
            if min(common.right - common.left, common.high - common.low) > _AT_LEAST:
                return True
        return False


def _certified(signature: EmbeddedPdfSignature) -> bool:
    """Whether the signer said which fields may be filled in afterwards."""
    level = signature.docmdp_level
    if level is not None:
        return level in {MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE}
    return signature.fieldmdp is not None


def _drawn_otherwise(old: Any, new: Any, fields: Iterable[_Field]) -> bool:
    """Whether viewers draw the form's fields in another way than before.

    Signature fields are drawn by their own appearance alone.
    """
    if all(each.kind == "/Sig" for each in fields):
        return False
    before, now = value_in(old, "/AcroForm", {}), value_in(new, "/AcroForm", {})
    if value_in(now, "/NeedAppearances", False) != value_in(before, "/NeedAppearances", False):
        return True
    return any(_raw(before, key) != _raw(now, key) for key in ("/DR", "/DA", "/Q"))


def _raw(form: Any, key: str) -> Any:
    return form.raw_get(key) if key in form else None


def _fields(root: generic.DictionaryObject) -> dict[str, _Field]:
    """All fields of the form, by their full names."""
    found: dict[str, _Field] = {}
    form = value_in(root, "/AcroForm", {})
    _gather(value_in(form, "/Fields", ()), "", "", found, depth=0)
    return found


def _gather(
    references: Iterable[Any], above: str, kind: str, found: dict[str, _Field], *, depth: int
) -> None:
    if depth > _DEEPEST or len(found) > _MOST_FIELDS:
        raise ValueError("the form has too many fields")
    for reference in references:
        value = reference.get_object()
        if "/T" not in value:
            continue  # a widget of the field above
        name = f"{above}.{value['/T']}" if above else str(value["/T"])
        own = str(value_in(value, "/FT", kind))
        kids = list(value_in(value, "/Kids", ()))
        widgets = tuple(
            (getattr(each, "idnum", None), each.get_object())
            for each in (kids or [reference])
            if not kids or "/T" not in each.get_object()
        )
        found[name] = _Field(name=name, kind=own, value=value, widgets=widgets)
        _gather(kids, name, own, found, depth=depth + 1)


def _pages(root: generic.DictionaryObject) -> Iterator[generic.Reference]:
    """The pages in their order."""
    waiting = [root.raw_get("/Pages")]
    for _ in range(_MOST_PAGES):
        if not waiting:
            return
        each = waiting.pop()
        node = each.get_object()
        if "/Kids" in node:
            waiting += reversed(list(node["/Kids"]))
        else:
            yield each.reference
    raise ValueError("the file has too many pages")


def _shown_by_annotations(page: Any) -> Iterator[tuple[int | None, Box]]:
    """The rectangles of what lies on a page. Of another signature half may be covered.

    Official documents want the seal over a third of the signature (Decree 30/2020, annex I).
    """
    for each in value_in(page, "/Annots", ()):
        annotation = each.get_object()
        box = box_of(value_in(annotation, "/Rect", ()))
        if box is None or value_in(annotation, "/Subtype", "") in _UNSEEN:
            continue
        if _is_signature(annotation):
            if "/AP" not in annotation:
                continue  # nobody has signed there yet
            middle = (box.left + box.right) / 2
            third = (box.right - box.left) / 6
            box = Box(middle - third, box.low, middle + third, box.high)
        yield getattr(each, "idnum", None), box


def _is_signature(annotation: Any) -> bool:
    kind = value_in(annotation, "/FT", None)
    if kind is None:
        kind = value_in(value_in(annotation, "/Parent", {}), "/FT", None)
    return bool(kind == "/Sig")


def _whole(page: Any) -> Box:
    """Whoever gives no rectangle that can be read may stand anywhere."""
    return box_of(value_in(page, "/MediaBox", ())) or Box(-1e6, -1e6, 1e6, 1e6)

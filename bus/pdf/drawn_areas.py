"""Drawn areas: the rectangles of a page that its content may draw on.

Used to decide whether a signature that was added later covers something that the signer saw. A
rectangle is never smaller than what is drawn. Content that cannot be followed counts as drawn on
the whole page. White fills and invisible text draw nothing. The operators are those of
ISO 32000-1, annex A.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from pyhanko.pdf_utils import generic

from bus.pdf.content_stream import UnclearError, words_in
from bus.pdf.fonts import Font, read_font, value_in
from bus.pdf.geometry import EVERYWHERE, UNIT, Box, Matrix, box_of, matrix_of, moved, times

MOST_CONTENT_BYTES = 8 * 1024 * 1024
MOST_OPERATORS = 300_000
_DEEPEST = 8
_ABOVE, _BELOW = 1.0, 0.3
"""How far letters reach above and below their line, as a part of their size."""
_INVISIBLE_TEXT = frozenset({3, 7})


def areas_drawn_on(page: generic.DictionaryObject) -> Sequence[Box]:
    """The areas that the content of a page, without its annotations, may draw on."""
    follower = _ContentFollower()
    try:
        follower.follow(_content(page), _inherited(page, "/Resources"), depth=0)
    except (UnclearError, RecursionError):
        return (EVERYWHERE,)
    except Exception:  # noqa: BLE001 (a page that cannot be followed may show anything)
        return (EVERYWHERE,)
    return follower.boxes


def _content(page: generic.DictionaryObject) -> bytes:
    contents = value_in(page, "/Contents", [])
    parts = [contents] if isinstance(contents, generic.StreamObject) else contents
    data = b"\n".join(part.get_object().data for part in parts)
    if len(data) > MOST_CONTENT_BYTES:
        raise UnclearError
    return data


def _inherited(page: generic.DictionaryObject, key: str) -> Mapping[str, Any]:
    node: Any = page
    for _ in range(64):
        if key in node:
            break
        node = value_in(node, "/Parent", {})
    found: Mapping[str, Any] = value_in(node, key, {})
    return found


@dataclass(frozen=True, slots=True)
class _State:
    """The graphics state, which the operator `q` saves and `Q` restores."""

    matrix: Matrix = UNIT
    clip: Box = EVERYWHERE
    white_fill: bool = False
    white_stroke: bool = False
    fill_space_is_plain: bool = True
    stroke_space_is_plain: bool = True
    line_width: float = 1.0
    font: Font | None = None
    size: float = 0.0
    letter_space: float = 0.0
    word_space: float = 0.0
    scale: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    mode: int = 0


@dataclass(slots=True)
class _ContentFollower:
    """Follows the operators of one page, and of the forms that it draws, and collects areas."""

    boxes: list[Box] = field(default_factory=list)
    _state: _State = _State()
    _kept: list[_State] = field(default_factory=list)
    _path: list[tuple[float, float]] = field(default_factory=list)
    _segments: list[Box] = field(default_factory=list)
    _clips: bool = False
    _line: Matrix = UNIT
    _text: Matrix = UNIT
    _count: int = 0
    _fonts: dict[int, Font] = field(default_factory=dict)

    def follow(self, data: bytes, resources: Mapping[str, Any], *, depth: int) -> None:
        """Follow a content stream. Raises any error if the bytes are no content stream."""
        if depth > _DEEPEST:
            raise UnclearError
        kept = len(self._kept)
        operands: list[Any] = []
        for kind, token in words_in(data):
            if kind != "operator":
                operands.append(token)
                continue
            self._count += 1
            if self._count > MOST_OPERATORS:
                raise UnclearError
            self._do(token, operands, resources, depth)
            operands = []
        del self._kept[kept:]

    def _do(  # noqa: C901, PLR0912 (a case for each operator)
        self, name: str, given: list[Any], resources: Mapping[str, Any], depth: int
    ) -> None:
        match name:
            case "q":
                self._kept.append(self._state)
            case "Q":
                if self._kept:
                    self._state = self._kept.pop()
            case "cm":
                self._set(matrix=times(matrix_of(given), self._state.matrix))
            case "w":
                self._set(line_width=given[-1])
            case "m" | "l" | "c" | "v" | "y" | "re" | "h":
                self._trace(name, given)
            case "S" | "s" | "f" | "F" | "f*" | "B" | "B*" | "b" | "b*" | "n":
                self._paint(name)
            case "W" | "W*":
                self._clips = True
            case "sh":
                self._show(EVERYWHERE)
            case "image":
                self._show(self._across(_CORNERS))
            case "Do":
                self._draw(given[-1], resources, depth)
            case "gs":
                if "/Font" in resources["/ExtGState"][given[-1]]:
                    raise UnclearError
            case "g" | "rg" | "k" | "G" | "RG" | "K" | "cs" | "CS" | "sc" | "scn" | "SC" | "SCN":
                self._colour(name, given, resources)
            case _:
                self._write(name, given, resources)

    def _set(self, **changed: Any) -> None:
        self._state = replace(self._state, **changed)

    def _across(self, points: Sequence[tuple[float, float]], matrix: Matrix = UNIT) -> Box:
        whole = times(matrix, self._state.matrix)
        corners = [moved(point, whole) for point in points]
        across, up = [x for x, _ in corners], [y for _, y in corners]
        return Box(min(across), min(up), max(across), max(up))

    def _show(self, box: Box) -> None:
        shown = box.meeting(self._state.clip)
        if shown.right >= shown.left and shown.high >= shown.low:
            self.boxes.append(shown)

    # --- paths ---------------------------------------------------------------------------------

    def _trace(self, name: str, given: list[Any]) -> None:
        if name == "re":
            left, low, width, height = given[-4:]
            right, high = left + width, low + height
            corners = [(left, low), (right, low), (right, high), (left, high), (left, low)]
        elif name == "h":
            corners = self._path[:1]
        else:
            numbers = given[-6:] if name == "c" else given[-4:] if name in "vy" else given[-2:]
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
        if name not in {"m", "re"} and self._path:
            self._segments.append(self._across([self._path[-1], *corners]))
        if name == "re":
            self._segments += [self._across(side) for side in pairwise(corners)]
        self._path += corners

    def _paint(self, name: str) -> None:
        if self._path:
            fills = name in {"f", "F", "f*", "B", "B*", "b", "b*"} and not self._state.white_fill
            strokes = name in {"S", "s", "B", "B*", "b", "b*"} and not self._state.white_stroke
            around = self._across(self._path)
            if fills:
                self._show(around)
            elif strokes:
                matrix = self._state.matrix
                thick = self._state.line_width * max(map(abs, matrix[:4])) / 2
                for each in self._segments:
                    low_left = (each.left - thick, each.low - thick)
                    self._show(Box(*low_left, each.right + thick, each.high + thick))
            if self._clips:
                self._set(clip=around.meeting(self._state.clip))
        self._path, self._segments, self._clips = [], [], False

    def _colour(self, name: str, given: list[Any], resources: Mapping[str, Any]) -> None:
        stroke = name.isupper()
        where = "white_stroke" if stroke else "white_fill"
        plain = "stroke_space_is_plain" if stroke else "fill_space_is_plain"
        match name.lower():
            case "k":
                self._set(**{where: given[-4:] == [0, 0, 0, 0]})
            case "g" | "rg":
                self._set(**{where: all(each == 1 for each in given)})
            case "cs":
                self._set(**{plain: _is_plain(given[-1], resources), where: False})
            case _:
                white = getattr(self._state, plain) and all(each == 1 for each in given)
                self._set(**{where: white and bool(given)})

    def _draw(self, name: str, resources: Mapping[str, Any], depth: int) -> None:
        drawn = resources["/XObject"][name]
        if drawn["/Subtype"] == "/Image":
            self._show(self._across(_CORNERS))
            return
        before = self._state
        matrix = matrix_of([float(each) for each in value_in(drawn, "/Matrix", UNIT)])
        self._set(matrix=times(matrix, before.matrix))
        limits = box_of(drawn["/BBox"])
        if limits is None or len(drawn.data) > MOST_CONTENT_BYTES:
            raise UnclearError
        left, low, right, high = limits
        around = self._across([(left, low), (right, low), (right, high), (left, high)])
        self._set(clip=around.meeting(before.clip))
        self.follow(drawn.data, value_in(drawn, "/Resources", resources), depth=depth + 1)
        self._state = before

    # --- text ----------------------------------------------------------------------------------

    def _write(  # noqa: C901, PLR0912 (a case for each operator)
        self, name: str, given: list[Any], resources: Mapping[str, Any]
    ) -> None:
        match name:
            case "BT":
                self._line = self._text = UNIT
            case "Tf":
                self._set(font=self._font(resources["/Font"].raw_get(given[-2])), size=given[-1])
            case "Tc":
                self._set(letter_space=given[-1])
            case "Tw":
                self._set(word_space=given[-1])
            case "Tz":
                self._set(scale=given[-1] / 100)
            case "TL":
                self._set(leading=given[-1])
            case "Ts":
                self._set(rise=given[-1])
            case "Tr":
                self._set(mode=int(given[-1]))
            case "Tm":
                self._line = self._text = matrix_of(given)
            case "Td" | "TD":
                if name == "TD":
                    self._set(leading=-given[-1])
                self._next_line(given[-2], given[-1])
            case "T*":
                self._next_line(0, -self._state.leading)
            case "Tj" | "TJ":
                self._letters(given)
            case "'" | '"':
                if name == '"':
                    self._set(word_space=given[-3], letter_space=given[-2])
                self._next_line(0, -self._state.leading)
                self._letters(given[-1:])
            case _:
                pass

    def _next_line(self, across: float, up: float) -> None:
        self._line = self._text = times((1, 0, 0, 1, across, up), self._line)

    def _letters(self, given: list[Any]) -> None:
        state = self._state
        if state.font is None:
            raise UnclearError
        for each in given:
            if not isinstance(each, bytes):
                shift = -each / 1000 * state.size * state.scale
                self._text = times((1, 0, 0, 1, shift, 0), self._text)
                continue
            width, count = state.font.width_of(each)
            spaces = each.count(b" ") if state.font.bytes_each == 1 else 0
            spread = count * state.letter_space + spaces * state.word_space
            across = (width / 1000 * state.size + spread) * state.scale
            low, high = state.rise - _BELOW * state.size, state.rise + _ABOVE * state.size
            if state.mode not in _INVISIBLE_TEXT and each.strip():
                corners = [(0, low), (across, low), (across, high), (0, high)]
                self._show(self._across(corners, self._text))
            self._text = times((1, 0, 0, 1, across, 0), self._text)

    def _font(self, named: Any) -> Font:
        if not isinstance(named, generic.IndirectObject):
            return read_font(named)
        if named.idnum not in self._fonts:
            self._fonts[named.idnum] = read_font(named.get_object())
        return self._fonts[named.idnum]


_CORNERS = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def _is_plain(name: str, resources: Mapping[str, Any]) -> bool:
    """Whether the colour with all components 1 is white in this colour space."""
    if name in {"/DeviceGray", "/DeviceRGB", "/CalGray", "/CalRGB"}:
        return True
    space = value_in(value_in(resources, "/ColorSpace", {}), name, None)
    if not isinstance(space, generic.ArrayObject) or len(space) < 2:
        return False
    kind = space[0]
    return kind in {"/CalGray", "/CalRGB"} or (
        kind == "/ICCBased" and value_in(space[1], "/N", 0) in {1, 3}
    )

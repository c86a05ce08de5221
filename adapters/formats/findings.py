"""Findings: collects what is unusual in a source, as warnings and raw values, both limited.

Errors that refuse a message are raised where they are found; they are not collected here.
"""

from collections.abc import Collection, Mapping

from adapters.contract import Limits
from schemas.limits import MAX_MAP_ENTRIES
from schemas.problem import DocumentError, Place, Warned
from schemas.secrecy import mark_in_list
from schemas.term import Coded, flat, term


class Findings:
    """Collects warnings and raw values while one message is read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._warnings: list[Warned] = []
        self._raw: dict[str, str] = {}
        self._untold: dict[str, int | None] = {}
        self._raw_bytes = 0
        self.doubt: str | None = None
        """The first field that other programs may read differently."""

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """The warnings, in the order in which they were found, up to the limit."""
        return tuple(self._warnings)

    @property
    def raw(self) -> dict[str, str]:
        """The values without a canonical meaning, by path; a warning says if some were left out."""
        return self._raw

    def warn(
        self,
        code: str,
        /,
        *,
        line: int | None = None,
        field: str | None = None,
        file: str | None = None,
        cause: Coded | None = None,
        **params: object,
    ) -> None:
        """Add a warning of something unusual or repaired; its text may use all parameters."""
        if len(self._warnings) < self.limits.max_warnings:
            told = flat(params if cause is None else {"cause": cause, **params})
            if field is not None:
                told["field"] = field
            place = Place(line=line, field=field, file=file)
            self._warnings.append(Warned(code=code, place=place, params=told))

    def doubtful(self, code: str, /, *, line: int, field: str) -> None:
        """Add a warning about a field that other programs may read differently."""
        self.doubt = self.doubt or field
        self.warn(code, line=line, field=field, element=field)

    def refuse_many(self, receivers: int) -> None:
        """Raises `DocumentError` E_LIMIT when a document has too many receivers."""
        limit = self.limits.max_receivers
        if receivers > limit:
            what = term("receivers")
            raise DocumentError.of("E_LIMIT", place=Place(field="To"), what=what, limit=limit)

    def missing(self, element: str, *, line: int | None = None, field: str | None = None) -> None:
        """Add a warning about a required element that is missing."""
        self.warn(f"W_MISSING_{element.upper()}", line=line, field=field or element)

    def keep(self, path: str, value: str, *, line: int | None = None, told: bool = False) -> None:
        """Keep a value that has no canonical meaning. It is shown, and nothing depends on it.

        Args:
            told: Another warning already says that the value is not passed on.

        Raises:
            DocumentError: The value is a declared mark of State secrecy (E_STATE_SECRET).
        """
        refuse_state_secret(value, field=path, line=line)
        size = _size((path, value))
        fits = self._raw_bytes + size <= self.limits.max_raw_bytes
        if fits and len(self._raw) < MAX_MAP_ENTRIES:
            self._raw_bytes += size
            self._raw[path] = value
            if not told:
                self._untold[path] = line
        else:
            self.warn("W_RAW_NOT_WRITTEN", line=line, field=path)

    def refuse_much_raw(self, raw: Mapping[str, str], *, field: str) -> None:
        """Raises `DocumentError` E_LIMIT if a packet has more raw values than the limit."""
        place, size = Place(field=field), sum(map(_size, raw.items()))
        if len(raw) > MAX_MAP_ENTRIES:
            what = term("entries")
            raise DocumentError.of("E_LIMIT", place=place, what=what, limit=MAX_MAP_ENTRIES)
        if size > self.limits.max_raw_bytes:
            limit, what = self.limits.max_raw_bytes, term("value_bytes")
            raise DocumentError.of("E_LIMIT", place=place, what=what, limit=limit)

    def not_written(self, paths: Collection[str]) -> None:
        """Warn that recipients do not get the raw values at these paths."""
        for path, line in self._untold.items():
            if path in paths:
                self.warn("W_RAW_NOT_WRITTEN", line=line, field=path)


def _size(entry: tuple[str, str]) -> int:
    return sum(len(text.encode()) for text in entry)


def refuse_state_secret(value: str, *, field: str, line: int | None = None) -> None:
    """Refuse a field that declares a mark of State secrecy (Decision 28/2018/QĐ-TTg).

    Raises:
        DocumentError: E_STATE_SECRET; it quotes the mark and nothing else of the value.
    """
    if mark := mark_in_list(value):
        raise DocumentError.of("E_STATE_SECRET", place=Place(line=line, field=field), mark=mark)

"""Findings: what was odd in a source, as warnings and raw values, both bounded.

What is refused is raised where it is seen, not collected here.
"""

from adapters.contract import Limits
from schemas.problem import DocumentError, Place, Warned
from schemas.secrecy import mark_in_list
from schemas.term import Coded, flat, term


class Findings:
    """Collects warnings and raw values while one message is read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._warnings: list[Warned] = []
        self._raw: dict[str, str] = {}
        self._raw_bytes = 0

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """In the order of their discovery; those beyond the limit are not told."""
        return tuple(self._warnings)

    @property
    def raw(self) -> dict[str, str]:
        """Values without a canonical meaning, by path; those beyond the limit are left out."""
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
        """Name an oddity or a repair; texts may use `{field}` and the parameters."""
        if len(self._warnings) < self._limits.max_warnings:
            told = flat(params if cause is None else {"cause": cause, **params})
            if field is not None:
                told["field"] = field
            place = Place(line=line, field=field, file=file)
            self._warnings.append(Warned(code=code, place=place, params=told))

    def refuse_many(self, receivers: int) -> None:
        """Raises `DocumentError` E_LIMIT when a document has too many receivers."""
        limit = self._limits.max_receivers
        if receivers > limit:
            what = term("receivers")
            raise DocumentError.of("E_LIMIT", place=Place(field="To"), what=what, limit=limit)

    def missing(self, element: str, *, line: int | None = None, field: str | None = None) -> None:
        """Name a required element that the source left out."""
        self.warn(f"W_MISSING_{element.upper()}", line=line, field=field or element)

    def keep(self, path: str, value: str, *, line: int | None = None) -> None:
        """Keep a value that we give no meaning to; shown, never acted on, never written.

        Raises:
            DocumentError: The value is a declared mark of State secrecy (E_STATE_SECRET).
        """
        refuse_state_secret(value, field=path, line=line)
        size = len(path.encode()) + len(value.encode())
        if self._raw_bytes + size <= self._limits.max_raw_bytes:
            self._raw_bytes += size
            self._raw[path] = value


def refuse_state_secret(value: str, *, field: str, line: int | None = None) -> None:
    """Refuse a field that declares a secrecy mark (Decision 28/2018/QĐ-TTg).

    Raises:
        DocumentError: E_STATE_SECRET; it says no more of the value than the mark.
    """
    if mark := mark_in_list(value):
        raise DocumentError.of("E_STATE_SECRET", place=Place(line=line, field=field), mark=mark)

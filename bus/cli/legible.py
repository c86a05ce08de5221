"""Makes texts of others safe to print, and prints sizes."""

from schemas.safe_text import escaped, legible, legible_lines, referenced

__all__ = ["escaped", "legible", "legible_lines", "referenced", "size"]


def size(count: int) -> str:
    """`812 B`, `2.1 KB`, `5.0 MB`."""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, 3)
    return f"{count / 1000**power:.1f} {' KMG'[power]}B"

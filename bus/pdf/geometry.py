"""Geometry: rectangles of a page, and the matrices that move what is drawn (ISO 32000-1, 8.3)."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Box(NamedTuple):
    """A rectangle in the units of its page."""

    left: float
    low: float
    right: float
    high: float

    def meeting(self, other: "Box") -> "Box":
        """The area that two rectangles share; if they share none, left > right or low > high."""
        return Box(
            max(self.left, other.left),
            max(self.low, other.low),
            min(self.right, other.right),
            min(self.high, other.high),
        )

    @property
    def area(self) -> float:
        """Square units; 0 for an empty rectangle."""
        return max(0.0, self.right - self.left) * max(0.0, self.high - self.low)


EVERYWHERE = Box(-1e6, -1e6, 1e6, 1e6)

Matrix = tuple[float, float, float, float, float, float]
UNIT: Matrix = (1, 0, 0, 1, 0, 0)


def box_of(rectangle: object) -> Box | None:
    """The rectangle that a PDF gives by any two opposite corners; None: it is no rectangle."""
    try:
        one, two, three, four = (float(each.get_object()) for each in rectangle)  # type: ignore[attr-defined]
    except (TypeError, ValueError, AttributeError):
        return None
    return Box(min(one, three), min(two, four), max(one, three), max(two, four))


def matrix_of(given: Sequence[Any]) -> Matrix:
    """The matrix that the last six operands give."""
    one, two, three, four, five, six = (float(each) for each in given[-6:])
    return one, two, three, four, five, six


def times(one: Matrix, two: Matrix) -> Matrix:
    """The matrix that first applies `one`, then `two`."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = two
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def moved(point: tuple[float, float], matrix: Matrix) -> tuple[float, float]:
    """Where a matrix moves a point."""
    across, up = point
    a, b, c, d, e, f = matrix
    return across * a + up * c + e, across * b + up * d + f

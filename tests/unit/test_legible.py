"""A forged document must not drive the operator's terminal."""

import pytest

from bus.cli.legible import legible, size


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x9b31m", "\u202e741", "a\x00b", "\u2066x", "\x07"]
)
def test_what_a_terminal_would_obey_is_shown_instead(hostile: str) -> None:
    shown = legible(hostile)

    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert shown.isprintable()


def test_vietnamese_stays_as_it_is_and_on_one_line() -> None:
    assert legible("V/v rà soát\r\n danh mục\tmẫu") == "V/v rà soát danh mục mẫu"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (5_000_000, "5.0 MB"),
        (2 * 10**12, "2000.0 GB"),
    ],
)
def test_a_size_is_told_in_a_unit_that_fits(count: int, told: str) -> None:
    assert size(count) == told

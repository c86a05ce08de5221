"""The dashboards are what their boards say, and what Grafana and a reader expect."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.boards.__main__ import BOARDS, DASHBOARDS, text_of
from deploy.grafana.boards.board import PAGE_WIDTH, TAG, Board
from deploy.grafana.boards.panel import BAD, LOOK, WELL

every_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def panels(board: Board) -> list[dict[str, Any]]:
    """Without the headings."""
    return [panel for panel in _read(board)["panels"] if panel["type"] != "row"]


def _read(board: Board) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(_file(board).read_text(encoding="utf-8"))
    return read


def _file(board: Board) -> Path:
    return DASHBOARDS / f"{board.uid}.json"


def test_there_are_no_other_dashboards() -> None:
    assert sorted(DASHBOARDS.iterdir()) == sorted(map(_file, BOARDS))


@every_board
def test_its_file_is_current(board: Board) -> None:
    """Otherwise: `python -m deploy.grafana.boards`."""
    assert _file(board).read_text(encoding="utf-8") == text_of(board)


@every_board
def test_panels_lie_side_by_side_and_within_the_page(board: Board) -> None:
    places = [panel["gridPos"] for panel in _read(board)["panels"]]

    assert all(place["x"] + place["w"] <= PAGE_WIDTH for place in places)
    assert not [(a, b) for a, b in combinations(places, 2) if _overlap(a, b)]


@every_board
def test_panels_have_numbers_of_their_own(board: Board) -> None:
    numbers = [panel["id"] for panel in _read(board)["panels"]]

    assert len(set(numbers)) == len(numbers)


@every_board
def test_every_panel_says_what_it_shows_and_in_what(board: Board) -> None:
    for panel in panels(board):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"prometheus"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@every_board
def test_the_first_row_judges_in_one_line(board: Board) -> None:
    first, *rest = [p for p in _read(board)["panels"] if p["gridPos"]["y"] <= 1]

    assert first["title"].endswith("?")
    assert {panel["type"] for panel in rest} == {"stat"}
    assert {panel["gridPos"]["y"] for panel in rest} == {1}


@every_board
def test_what_is_judged_has_colours_that_colour_blind_people_tell_apart(board: Board) -> None:
    judging = {WELL, LOOK, BAD}

    for panel in panels(board):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if panel["type"] == "stat" and len(steps) > 1:
            assert {step["color"] for step in steps} <= judging, panel["title"]
        values = [step["value"] for step in steps[1:]]
        assert values == sorted(values), panel["title"]


@every_board
def test_every_dashboard_leads_to_the_others(board: Board) -> None:
    read = _read(board)

    assert TAG in read["tags"]
    assert [link["tags"] for link in read["links"]] == [[TAG]]


def test_times_that_have_traces_show_them() -> None:
    shown = [
        target["expr"]
        for board in BOARDS
        for panel in panels(board)
        for target in panel["targets"]
        if target["exemplar"]
    ]

    assert any("first_status_seconds_bucket" in expression for expression in shown)
    assert all("_bucket" in expression for expression in shown)


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    )

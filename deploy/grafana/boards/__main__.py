"""Write the JSON of all boards."""

import json
from pathlib import Path

from deploy.grafana.boards.agency import AGENCY
from deploy.grafana.boards.axis import AXIS
from deploy.grafana.boards.board import Board
from deploy.grafana.boards.broker import BROKER
from deploy.grafana.boards.dead_letters import DEAD_LETTERS
from deploy.grafana.boards.processes import PROCESSES

DASHBOARDS = Path(__file__).parent.parent / "dashboards"
BOARDS = (AXIS, AGENCY, DEAD_LETTERS, BROKER, PROCESSES)


def text_of(board: Board) -> str:
    """What its file holds."""
    return json.dumps(board.json(), ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Replace all files."""
    for board in BOARDS:
        (DASHBOARDS / f"{board.uid}.json").write_text(text_of(board), encoding="utf-8")


if __name__ == "__main__":
    main()

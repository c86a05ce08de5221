"""What alarms and their runbook tell operators to type is there to be typed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bus.cli.lazy import COMMANDS, load
from deploy.grafana.boards.__main__ import DASHBOARDS

PLACES = (
    Path("deploy/prometheus/rules/alerts.yml"),
    Path("docs/alarms.md"),
    Path("docs/dashboards.md"),
    Path("deploy/README.md"),
    *sorted(DASHBOARDS.glob("*.json")),
)


def told() -> Iterator[list[str]]:
    """Every command in backticks, as words."""
    for place in PLACES:
        # A command may run over the end of a line.
        text = re.sub(r"\s+", " ", place.read_text(encoding="utf-8"))
        for command in re.findall(r"`lienthong ([^`]+)`", text):
            yield command.split()


def test_every_command_that_operators_are_told_exists_with_its_options() -> None:
    commands = list(told())

    wrong = [" ".join(words) for words in commands if not _exists(words)]

    assert len(commands) > 30
    assert wrong == []


def _exists(words: list[str]) -> bool:
    name, *rest = words
    command: Any = load(name) if name in COMMANDS else None
    while rest and hasattr(command, "commands"):
        command = command.commands.get(rest.pop(0))
    if command is None or hasattr(command, "commands"):
        return False
    options = {name for parameter in command.params for name in parameter.opts}
    return all(word in options for word in rest if word.startswith("--"))

"""Every query of every dashboard and rule is valid, and names metrics and labels that exist."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bus.core.topology import desired
from bus.rabbit.node import PrivateNode
from schemas.identifiers import MailboxName
from tests.observability import vocabulary
from tests.observability.promql import Reading, read
from tests.observability.test_alarms import promtool
from tests.support.mortal import host_on

DASHBOARDS = sorted(Path("deploy/grafana/dashboards").glob("*.json"))
_FILLED = {
    "${agency:raw}": "H24",
    "$agency": "H24",
    "$__rate_interval": "1m",
    "$__range": "6h",
}
_DETAILED = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One expression, where it stands, and which labels are shown of what it answers."""

    place: str
    expression: str
    shown: frozenset[str] = frozenset()


def filled(text: str) -> str:
    for variable, value in _FILLED.items():
        text = text.replace(variable, value)
    return text


def asked() -> list[Asked]:
    rules = [
        Asked(place=rule.get("record") or rule["alert"], expression=rule["expr"])
        for rule in vocabulary.rules()
    ]
    return rules + [one for file in DASHBOARDS for one in _of_dashboard(file)]


def _of_dashboard(file: Path) -> Iterator[Asked]:
    board = json.loads(file.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        place = f"{board['title']} / {panel['title']}"
        for target in panel.get("targets", ()):
            legend = re.findall(r"{{(\w+)}}", target["legendFormat"])
            yield Asked(
                place=place,
                expression=filled(target["expr"]),
                shown=frozenset(legend + _columns(panel)),
            )
    for mark in board["annotations"]["list"]:
        yield Asked(place=f"{board['title']} / {mark['name']}", expression=mark["expr"])


def _columns(panel: dict[str, Any]) -> list[str]:
    shown = [
        name
        for change in panel.get("transformations", ())
        if change["id"] == "filterFieldsByName"
        for name in change["options"]["include"]["names"]
    ]
    return [name for name in shown if name != "Value"]


def test_every_query_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "queries.yml"
    expressions = dict.fromkeys(one.expression for one in asked())
    rules = [{"record": f"query_{n}", "expr": text} for n, text in enumerate(expressions)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    checked = promtool("check", "rules", str(file))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_query_names_metrics_that_exist_with_labels_that_exist() -> None:
    known = vocabulary.every_metric()

    wrong = [f"{one.place}: {said}" for one in asked() for said in _unknown(one, known)]

    assert wrong == []


def _unknown(one: Asked, known: vocabulary.Labels) -> Iterator[str]:
    reading = read(one.expression)
    available: set[str] = set()
    for selector in reading.selectors:
        if selector.metric not in known:
            yield f"no metric {selector.metric}"
            continue
        available |= known[selector.metric]
        for label, values in selector.labels.items():
            if label not in known[selector.metric]:
                yield f"no label {label} of {selector.metric}"
            yield from (f"{label} is never {v}" for v in _never(label, values, selector.metric))
    yield from (f"nothing has the label {label}" for label in reading.grouped - available)
    left = reading.grouped if _is_grouped(reading, one.expression) else available
    yield from (f"shows {label}, which is not there" for label in one.shown - left)


def _never(label: str, values: tuple[str, ...], metric: str) -> list[str]:
    words = vocabulary.WORDS.get(label)
    if "publishes" in metric and label == "outcome":
        words = vocabulary.PUBLISH_OUTCOMES
    return [value for value in values if words is not None and value not in words]


def _is_grouped(reading: Reading, expression: str) -> bool:
    """Whether only the labels of `by (…)` are left of an answer."""
    return bool(reading.grouped) and re.search(r"\bby \(", expression) is not None


@pytest.mark.parametrize(
    ("expression", "metrics", "grouped"),
    [
        ('sum by (a, le) (rate(x_bucket{b="c"}[5m])) / 2', ["x_bucket"], {"a", "le"}),
        ("x unless last_over_time(x[1d] offset 15m)", ["x", "x"], set()),
        ("a:b:c > 4 and on () d >= 15 * 3600", ["a:b:c", "d"], set()),
        ("x * on (i) group_left () (time() - y) >= bool 1e3", ["x", "y"], {"i"}),
        ("absent(x) or vector(0)", ["x"], set()),
    ],
)
def test_the_reader_finds_what_an_expression_names(
    expression: str, metrics: list[str], grouped: set[str]
) -> None:
    reading = read(expression)

    assert [selector.metric for selector in reading.selectors] == metrics
    assert reading.grouped == grouped


def test_the_names_of_recorded_metrics_say_which_labels_they_have() -> None:
    for name, labels in vocabulary.recorded().items():
        level = vocabulary.level_of(name)
        by = next(rule["expr"] for rule in vocabulary.rules() if rule.get("record") == name)
        order = re.search(r"\bby \(([^)]*)\)", by)
        said = [label for label in order[1].split(", ") if label != "le"] if order else []
        assert level == ("_".join(said) or "lienthong"), name
        assert set(said) == labels


async def test_rabbitmq_shows_the_metrics_that_we_ask_it_for(mortal: PrivateNode) -> None:
    async with (
        host_on(mortal) as host,
        httpx.AsyncClient(base_url=mortal.metrics_url, trust_env=False) as client,
    ):
        await host.provision(desired([MailboxName("H24")], ledger=False))
        seen: dict[str, frozenset[str]] = {}
        # The node counts its queues every five seconds.
        async with asyncio.timeout(20):
            while not vocabulary.RABBITMQ.keys() <= seen.keys():
                texts = [(await client.get(path)).text for path in ("/metrics", _DETAILED)]
                seen = dict(_shown("\n".join(texts)))
                await asyncio.sleep(0.1)

    assert {name: seen[name] for name in vocabulary.RABBITMQ} == vocabulary.RABBITMQ


def _shown(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    for line in text.splitlines():
        found = re.match(r"(\w+)(?:\{(.*)\})? ", line)
        if found:
            yield found[1], frozenset(re.findall(r'(\w+)="', found[2] or ""))

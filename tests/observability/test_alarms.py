"""The alarms: each begins when a trouble has lasted, and ends once (promtool, the real rules)."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.troubles import TROUBLES, Trouble
from tests.support.packages import program

PROMETHEUS = Path("deploy/prometheus").absolute()
RULES = sorted(map(str, (PROMETHEUS / "rules").glob("*.yml")))
RUNBOOK = Path("docs/alarms.md")


def alarms() -> dict[str, dict[str, Any]]:
    """Name → rule."""
    groups = yaml.safe_load((PROMETHEUS / "rules/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = program("promtool")
    return subprocess.run(
        [tool, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus-local.yml"])
def test_prometheus_accepts_the_configuration_and_the_rules(name: str) -> None:
    checked = promtool("check", "config", str(PROMETHEUS / name))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_rules_have_no_duplicates() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alarm_has_a_trouble_that_shows_it() -> None:
    assert sorted(trouble.alarm for trouble in TROUBLES) == sorted(alarms())


def test_every_alarm_begins_when_it_should_not_before_and_ends(tmp_path: Path) -> None:
    files = _written(tmp_path, _course)

    tested = promtool("test", "rules", *files)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_words_of_every_alarm_are_filled_in(tmp_path: Path) -> None:
    """promtool shows the text only of alarms that it did not expect to say nothing."""
    files = _written(tmp_path, _words)

    said = promtool("test", "rules", *files).stderr

    assert len(re.findall(r"got:\[", said)) == len(TROUBLES)
    assert not re.search(r"<error|<no value>|\{\{|NaN", said), said


def test_every_alarm_says_how_bad_what_is_so_and_what_to_do() -> None:
    for name, rule in alarms().items():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, name
        assert rule["keep_firing_for"], name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["description"], name
        assert rule["annotations"]["runbook_url"] == f"docs/alarms.md#{name.lower()}"


def test_the_runbook_has_a_section_for_every_alarm_and_for_nothing_else() -> None:
    sections = re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)

    assert sections == list(alarms())


def test_every_section_of_the_runbook_says_what_it_means_where_to_look_and_how_it_ends() -> None:
    _, *sections = re.split(r"^### ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)

    for section in sections:
        for part in ("**Means**", "**Look**", "**Mend**", "**Ends**"):
            assert part in section, section.split("\n")[0]


def test_the_example_for_alertmanager_names_alarms_and_areas_that_exist() -> None:
    text = (PROMETHEUS / "alertmanager.yml").read_text(encoding="utf-8")

    named = {n for value in re.findall(r'alertname=~?"([^"]+)"', text) for n in value.split("|")}
    areas = {a for value in re.findall(r'area=~?"([^"]+)"', text) for a in value.split("|")}

    assert named
    assert named <= set(alarms())
    assert areas <= {rule["labels"]["area"] for rule in alarms().values()}


def _written(folder: Path, test_of: Callable[[Trouble], dict[str, Any]]) -> list[str]:
    """A file for each step, because rules are evaluated as often as numbers come."""
    files = []
    for step in sorted({trouble.step for trouble in TROUBLES}):
        tests = [test_of(trouble) for trouble in TROUBLES if trouble.step == step]
        file = folder / f"{step}.yml"
        rules = RULES if step == "1m" else [_of_agencies(folder)]
        content = {"rule_files": rules, "evaluation_interval": step, "tests": tests}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        files.append(str(file))
    return files


def _of_agencies(folder: Path) -> str:
    """Only what is about agencies and the calendar: a whole week of all rules takes long."""
    groups = [
        group
        for file in RULES
        for group in yaml.safe_load(Path(file).read_text(encoding="utf-8"))["groups"]
        if group["name"] in {"agencies", "calendar"}
    ]
    for number, group in enumerate(groups):
        group["name"] += f" {number}"
    file = folder / "of-agencies.yml"
    file.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return str(file)


def _course(trouble: Trouble) -> dict[str, Any]:
    """At four moments, all alarms that fire: none, this one, this one still, none."""
    firing = [_fired(trouble.alarm, trouble.labels), *map(_fired_along, trouble.also)]
    moments = {
        trouble.silent: [],
        trouble.fires: firing,
        trouble.lasts: firing[:1],
        trouble.ended: [],
    }
    return {
        **_measured(trouble),
        "promql_expr_test": [
            {
                "expr": _firing(trouble, minute),
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": labels, "value": 1} for labels in expected],
            }
            for minute, expected in moments.items()
        ],
    }


def _firing(trouble: Trouble, minute: int) -> str:
    """Everything that fires; in the end only this alarm, for those beside it have their own."""
    firing = 'ALERTS{alertstate="firing"'
    if trouble.also and minute == trouble.fires:
        others = "|".join(trouble.also)
        along = f'max by (alertname, alertstate) ({firing},alertname=~"{others}"}})'
        return f'{firing},alertname!~"{others}"}} or {along}'
    return f'{firing},alertname="{trouble.alarm}"}}' if trouble.also else f"{firing}}}"


def _words(trouble: Trouble) -> dict[str, Any]:
    moment = {"eval_time": f"{trouble.fires}m", "alertname": trouble.alarm, "exp_alerts": []}
    return {**_measured(trouble), "alert_rule_test": [moment]}


def _measured(trouble: Trouble) -> dict[str, Any]:
    series = {'lienthong_build_info{version="1"}': "1x9999"} | dict(trouble.series)
    return {
        "name": trouble.alarm,
        "interval": trouble.step,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
    }


def _fired(alarm: str, labels: Any) -> str:
    every = {"alertname": alarm, "alertstate": "firing", **alarms()[alarm]["labels"], **labels}
    return "ALERTS{" + ",".join(f'{name}="{value}"' for name, value in every.items()) + "}"


def _fired_along(alarm: str) -> str:
    return f'{{alertname="{alarm}",alertstate="firing"}}'

"""Panel: what one rectangle of a dashboard shows, as Grafana's JSON (schema version 39).

Colours are those of Okabe and Ito, which colour-blind people tell apart; where a value is judged, a
word or the number says the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WELL, LOOK, BAD, QUIET = "#0072B2", "#E69F00", "#D55E00", "#7F7F7F"
SOURCE = {"type": "prometheus", "uid": "prometheus"}

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A rectangle. Width in 24ths of the page, height in Grafana's steps of 30 pixels.

    Attributes:
        text: What it shows and how to read it; Grafana shows it under the `i`.
        query: An expression, or several by the legend of their series. A legend holds `{{label}}`
            for the value of a label.
        exemplars: The legends of queries whose traces are shown as points.
    """

    title: str
    text: str
    query: str | Mapping[str, str]
    exemplars: tuple[str, ...] = ()
    unit: str = "short"
    width: int = 8
    height: int = 8

    def json(self) -> Json:
        """The panel without its number and its place."""
        queries = {"": self.query} if isinstance(self.query, str) else self.query
        return {
            "title": self.title,
            "description": self.text,
            "datasource": SOURCE,
            "targets": [self._target(n, *query) for n, query in enumerate(queries.items())],
            "fieldConfig": {"defaults": {"unit": self.unit, **self._defaults()}, "overrides": []},
            **self._looks(),
        }

    def _target(self, number: int, legend: str, expression: str) -> Json:
        return {
            "refId": chr(ord("A") + number),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": expression,
            "legendFormat": legend or "__auto",
            **self._mode(),
            "exemplar": legend in self.exemplars,
        }

    def _mode(self) -> Json:
        return {"range": True, "instant": False}

    def _defaults(self) -> Json:
        raise NotImplementedError

    def _looks(self) -> Json:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile(Panel):
    """One number, judged.

    Attributes:
        look: From this value on somebody should look at it.
        bad: From this value on it is trouble.
        falling: Small values are the bad ones.
        words: What to say instead of certain numbers.
    """

    look: float | None = None
    bad: float | None = None
    falling: bool = False
    words: Mapping[float, str] | None = None
    width: int = 3
    height: int = 4

    def _mode(self) -> Json:
        return {"range": False, "instant": True}

    def _defaults(self) -> Json:
        return {
            "color": {"mode": "thresholds"},
            "mappings": _words(self.words or {}),
            "noValue": "no data",
            "thresholds": {"mode": "absolute", "steps": self._steps()},
        }

    def _steps(self) -> list[Json]:
        if self.look is None and self.bad is None:
            return [{"color": QUIET, "value": None}]
        rising = [(WELL, None), (LOOK, self.look), (BAD, self.bad)]
        falling = [(BAD, None), (LOOK, self.bad), (WELL, self.look)]
        steps = falling if self.falling else rising
        return [
            {"color": colour, "value": value}
            for n, (colour, value) in enumerate(steps)
            if n == 0 or value is not None
        ]

    def _looks(self) -> Json:
        return {
            "type": "stat",
            "options": {
                "colorMode": "background_solid",
                "graphMode": "none",
                "justifyMode": "center",
                "orientation": "auto",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "textMode": "value",
                "wideLayout": True,
            },
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines(Panel):
    """Values over time.

    Attributes:
        limit: A line that should not be crossed.
        stacked: The sum matters as much as its parts.
    """

    limit: float | None = None
    stacked: bool = False

    def _defaults(self) -> Json:
        steps: list[Json] = [{"color": "transparent", "value": None}]
        if self.limit is not None:
            steps.append({"color": BAD, "value": self.limit})
        return {
            "color": {"mode": "palette-classic-by-name"},
            "min": 0,
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": {
                "drawStyle": "line",
                "fillOpacity": 40 if self.stacked else 5,
                "lineWidth": 2,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"group": "A", "mode": "normal" if self.stacked else "none"},
                "thresholdsStyle": {"mode": "off" if self.limit is None else "dashed"},
            },
        }

    def _looks(self) -> Json:
        return {
            "type": "timeseries",
            "options": {
                "legend": {
                    "calcs": ["lastNotNull", "max"],
                    "displayMode": "table",
                    "placement": "bottom",
                    "showLegend": True,
                },
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Table(Panel):
    """A list of what is so now.

    Attributes:
        columns: Label, or `Value`, → its heading, in order. Others are hidden.
        judged: From which `Value` on it is orange, and from which it is red.
    """

    columns: Mapping[str, str]
    judged: tuple[float, float] | None = None

    def _mode(self) -> Json:
        return {"range": False, "instant": True, "format": "table"}

    def _defaults(self) -> Json:
        steps: list[Json] = [{"color": "transparent", "value": None}]
        if self.judged:
            look, bad = self.judged
            steps += [{"color": LOOK, "value": look}, {"color": BAD, "value": bad}]
        return {
            "color": {"mode": "thresholds"},
            "noValue": "none",
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": {
                "align": "auto",
                "cellOptions": {"type": "color-background" if self.judged else "auto"},
                "filterable": False,
            },
        }

    def _looks(self) -> Json:
        shown = {"include": {"names": list(self.columns)}}
        order = {name: place for place, name in enumerate(self.columns)}
        renamed = {"renameByName": dict(self.columns), "indexByName": order, "excludeByName": {}}
        return {
            "type": "table",
            "options": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
            "transformations": [
                {"id": "filterFieldsByName", "options": shown},
                {"id": "organize", "options": renamed},
            ],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Spans(Panel):
    """From when to when something was in which state.

    Attributes:
        words: Value → its word; 0 is the bad one.
    """

    words: Mapping[float, str]

    def _defaults(self) -> Json:
        steps: list[Json] = [{"color": BAD, "value": None}, {"color": WELL, "value": 1}]
        return {
            "color": {"mode": "thresholds"},
            "mappings": _words(self.words),
            "noValue": "none in this time",
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False},
        }

    def _looks(self) -> Json:
        return {
            "type": "state-timeline",
            "options": {
                "alignValue": "left",
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "mergeValues": True,
                "rowHeight": 0.9,
                "showValue": "auto",
                "tooltip": {"mode": "single", "sort": "none"},
            },
        }


def _words(words: Mapping[float, str]) -> list[Json]:
    if not words:
        return []
    options = {
        str(value): {"index": place, "text": text}
        for place, (value, text) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]

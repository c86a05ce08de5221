"""Board: one dashboard, its rows from top to bottom, as Grafana's JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.grafana.boards.panel import SOURCE, Json, Panel

PAGE_WIDTH = 24
TAG = "lienthong"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Panels side by side, wrapped to the page, under a heading that is a question."""

    question: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A choice at the top of the page, filled from the values of a label."""

    name: str
    label: str
    query: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        uid: In its address; also the name of its file. Never changes.
        span: How far back it looks at first, for example `6h`.
    """

    uid: str
    title: str
    text: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    span: str = "6h"

    def json(self) -> Json:
        """As Grafana reads it from a file."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.text,
            "tags": [TAG],
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "Asia/Ho_Chi_Minh",
            "refresh": "30s",
            "time": {"from": f"now-{self.span}", "to": "now"},
            "timepicker": {},
            "links": [_link_to_the_others()],
            "annotations": {"list": [_alarms()]},
            "templating": {"list": [_chosen(variable) for variable in self.variables]},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[Json]:
        top = number = 0
        for row in self.rows:
            number += 1
            place = {"x": 0, "y": top, "w": PAGE_WIDTH, "h": 1}
            yield {
                "id": number,
                "type": "row",
                "title": row.question,
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
            top, left, height = top + 1, 0, 0
            for panel in row.panels:
                if left + panel.width > PAGE_WIDTH:
                    top, left, height = top + height, 0, 0
                number += 1
                place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
                yield {"id": number, "gridPos": place, **panel.json()}
                left, height = left + panel.width, max(height, panel.height)
            top += height


def _link_to_the_others() -> Json:
    return {
        "title": "Liên Thông",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _alarms() -> Json:
    """A mark in every graph where a critical alarm was firing."""
    return {
        "name": "Critical alarms",
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "#D55E00",
        "expr": 'max by (alertname) (ALERTS{alertstate="firing",severity="critical"})',
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "",
        "tagKeys": "",
        "useValueForTime": False,
    }


def _chosen(variable: Variable) -> Json:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": SOURCE,
        "definition": variable.query,
        "query": {"query": variable.query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "regex": "",
        "options": [],
    }

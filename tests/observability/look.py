"""Look: which panels and alarms have numbers, asked of a real Prometheus beside a real axis.

`make look` runs the demonstration, slips in deliveries that nobody signed, takes an agency's system
away, lets Prometheus read it all with our own rules, and prints a table. Panels that are rightly
empty are told apart.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bus.rabbit.residence import free_ports
from bus.rabbit.tls import context_of
from tests.observability.test_queries import DASHBOARDS
from tests.support.packages import program

PROMETHEUS = Path("deploy/prometheus").absolute()
QUIET = frozenset(
    {
        "Queues with messages and nobody to read them",
        "Age of the revocation lists",
        "Waiting for a retry, ten most",
        "Replays, an hour",
        # Only what waits is shown, and the demonstration may be quicker than a look.
        "Oldest undelivered, ten worst agencies",
        "Oldest file in an outbox, ten worst agencies",
        "Deepest queues",
        "Under work",
    }
)
"""Rightly without numbers while all is well."""

_PATIENCE_SECONDS = 120
_SCRAPE_SECONDS = 2


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of another house or ours, ended with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def configuration(folder: Path, targets: Path) -> Path:
    """Ours for a machine without Docker, in a hurry."""
    text = (PROMETHEUS / "prometheus-local.yml").read_text(encoding="utf-8")
    for before, after in {
        "/var/lib/lienthong/prometheus-targets.json": str(targets),
        "rules/*.yml": f"{PROMETHEUS}/rules/*.yml",
        "15s": f"{_SCRAPE_SECONDS}s",
        "30s": f"{_SCRAPE_SECONDS}s",
    }.items():
        text = text.replace(before, after)
    file = folder / "prometheus.yml"
    file.write_text(text, encoding="utf-8")
    return file


def wait_for(what: str, holds: Any) -> None:
    """Until it holds; ends everything when it never does."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError, OSError, ValueError):
            if holds():
                return
        time.sleep(0.5)
    sys.exit(f"never: {what}")


class Asking:
    """Prometheus over HTTP."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=10)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that answer now."""
        said = self._client.post("/api/v1/query", data={"query": expression}).json()
        if said["status"] != "success":
            raise SystemExit(f"{expression}: {said['error']}")
        result: list[dict[str, Any]] = said["data"]["result"]
        return result

    def over(self, expression: str, seconds: int) -> int:
        """How many series answered at some time of the last seconds."""
        now = time.time()
        span = {"query": expression, "start": now - seconds, "end": now, "step": 5}
        said = self._client.post("/api/v1/query_range", data=span).json()
        if said["status"] != "success":
            raise SystemExit(f"{expression}: {said['error']}")
        return len(said["data"]["result"])

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing, with their words."""
        found: list[dict[str, Any]] = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return found


def slip_in(home: Path, recipient: str, count: int) -> None:
    """Deliveries without a signature, as a stranger with a stolen account would send them."""
    said = json.loads((home / "running.json").read_bytes())
    url = said["management_url"]
    host = url.partition("?")[0].rstrip("/")
    with httpx.Client(base_url=host, trust_env=False, verify=context_of(url) or True) as client:
        for number in range(count):
            answer = client.post(
                "/api/exchanges/%2F/documents/publish",
                json={
                    "routing_key": f"G22.{recipient}.standard.document",
                    "payload": f"{count}-{number}",
                    "payload_encoding": "string",
                    "properties": {
                        "message_id": f"stranger-{number}",
                        "type": "document",
                        "delivery_mode": 2,
                        "headers": {},
                    },
                },
            ).raise_for_status()
            if not answer.json()["routed"]:
                raise SystemExit(f"nobody hears {recipient}")


def fill(text: str, agency: str) -> str:
    """Grafana's variables, for one that looks closely."""
    for name, value in {
        "${agency:raw}": agency,
        "$agency": agency,
        "$__rate_interval": "30s",
        "$__range": "5m",
    }.items():
        text = text.replace(name, value)
    return text


def look(asking: Asking, agency: str, seconds: int) -> tuple[Table, list[str]]:
    """The table, and the panels that should have numbers and have none."""
    table = Table("dashboard", "panel", "query", "series", title=f"Every panel, {agency} chosen")
    empty = []
    for file in DASHBOARDS:
        board = json.loads(file.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                found = asking.over(fill(target["expr"], agency), seconds)
                quiet = panel["title"] in QUIET
                shown = str(found) if found else "[dim]0, rightly[/]" if quiet else "[red]0[/]"
                table.add_row(board["title"], panel["title"], target["refId"], shown)
                if not found and not quiet:
                    empty.append(f"{board['title']} / {panel['title']} {target['refId']}")
    return table, empty


def main() -> None:
    """Exit 1 when a panel is empty that should not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    # So many that Prometheus sees them move.
    parser.add_argument("--documents", type=int, default=1500)
    documents = parser.parse_args().documents
    console = Console(width=120)
    with (
        tempfile.TemporaryDirectory(prefix="lienthong-look-") as scratch,
        contextlib.ExitStack() as s,
    ):
        folder = Path(scratch)
        home, (port,) = folder / "axis", free_ports(1)
        targets = home / "prometheus-targets.json"
        demo = [*(sys.executable, "-m", "bus.cli", "demo", "--keep", str(home)), "--linger", "3600"]
        s.enter_context(running([*demo, "--documents", str(documents)], folder / "axis.log"))
        wait_for("the axis names its ports", targets.exists)
        prometheus = [
            str(program("prometheus")),
            f"--config.file={configuration(folder, targets)}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ]
        s.enter_context(running(prometheus, folder / "prometheus.log"))
        asking = Asking(f"http://127.0.0.1:{port}")
        began = time.monotonic()
        wait_for("all answer", lambda: asking.ask("up") and not asking.ask("up == 0"))
        wait_for(
            "everything is handed over",
            lambda: asking.ask(
                "max(lienthong_deliveries_delivered) > 0 and max(lienthong_deliveries_waiting) == 0"
            ),
        )
        (busiest,) = asking.ask("topk(1, sum by (agency) (lienthong_submissions_total))")
        agency = busiest["metric"]["agency"]
        (home / "agencies" / agency).rename(folder / "away")
        slip_in(home, agency, 1)  # counters are born
        wait_for("that is seen", lambda: time.monotonic() - began > 15)
        slip_in(home, agency, 3)  # and rise
        wait_for("rates are known", lambda: time.monotonic() - began > 45)
        wait_for("it is away", lambda: asking.ask("agency:lienthong_endpoint_up:min == 0"))
        (folder / "away").rename(home / "agencies" / agency)
        wait_for("the alarm", lambda: asking.ask('ALERTS{alertname="SecurityDeadLetter"}'))
        table, empty = look(asking, agency, int(time.monotonic() - began))
        console.print(table)
        for up in asking.ask("up"):
            console.print(up["metric"]["job"], up["metric"]["instance"], up["value"][1])
        for alert in asking.alerts():
            console.print(alert["state"], *alert["labels"].values())
            console.print(*alert["annotations"].values(), sep="\n")
        console.print(f"{len(empty)} panels are empty that should not be", *empty, sep="\n  ")
    sys.exit(bool(empty))


if __name__ == "__main__":
    main()

"""Run a Prometheus that scrapes the shop, and ask it what the panels of a dashboard ask."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from devtools.pictures.panels import Panel, Series

CONFIG = """\
global: {{scrape_interval: {interval_s}s, evaluation_interval: {interval_s}s}}
scrape_configs:
  - job_name: web
    static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{instance: shop}}}}]
"""
"""All is scraped from one web process, which tells of the others too; its address is nobody's business."""


class Prometheus:
    """A server of Prometheus in a folder of its own, for as long as the block lasts."""

    def __init__(self, folder: Path, *, shop_port: int, port: int, interval_s: int = 1) -> None:
        self.folder, self.port = folder, port
        self._config = CONFIG.format(port=shop_port, interval_s=interval_s)

    def __enter__(self) -> "Prometheus":
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "prometheus.yml").write_text(self._config)
        log = (self.folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            cwd=self.folder, stdout=log, stderr=log,
        )  # fmt: skip
        self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def ask(self, expression: str, begin: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """Return the series of an expression between two moments. Raises ValueError with what Prometheus objects to."""
        asked = {"query": expression, "start": begin, "end": end, "step": step_s}
        address = f"http://127.0.0.1:{self.port}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as refused:
            raise ValueError(f"{expression}: {refused.read().decode()}") from None
        return found

    def read_panel(self, panel: dict[str, Any], begin: float, end: float, step_s: float) -> Panel:
        """Ask what a panel of Grafana's JSON asks; its lines are in the order of their last values."""
        lines = [
            Series(_name(target["legendFormat"], found["metric"]), points)
            for target in panel["targets"]
            for found in self.ask(target["expr"], begin, end, step_s)
            if (points := _read_points(found["values"], begin))
        ]
        lines.sort(key=lambda line: (-line.points[-1][1], line.legend))
        return Panel(panel["title"], panel["fieldConfig"]["defaults"]["unit"], lines)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"Prometheus does not come up: {(self.folder / 'prometheus.log').read_text()[-2000:]}")


def _read_points(values: list[tuple[float, str]], begin: float) -> list[tuple[float, float]]:
    """Read the points of a series, without those where there was nothing to divide by."""
    read = [(at - begin, float(value)) for at, value in values]
    return [(at, value) for at, value in read if value == value]  # NaN is not itself


def _name(legend: str, labels: dict[str, str]) -> str:
    """Fill a legend in, as Grafana does."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)

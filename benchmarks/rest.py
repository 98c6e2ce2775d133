"""What `make up` costs while nobody does anything: processor, statements, log, memory, connections; and its start.

A product of its own with its demo data, left alone until what its start caused is over, then for a minute more.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import psycopg

from benchmarks import processes, sheet
from devtools.embedded import Embedded
from tests.product import Product, wait_for

GOALS = {
    "processor, % of a core": 2,
    "statements a second": 10,
    "log written, bytes a second": 0,
    "memory, MB": 700,
    "connections": 40,
    "first page after a restart, s": 3,
}
CALM_S = 120
_COUNTS = """
SELECT (SELECT sum(calls)::bigint FROM pg_stat_statements) AS statements,
       (SELECT sum(xact_commit)::bigint FROM pg_stat_database) AS transactions,
       (SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal') AS fsyncs,
       (SELECT wal_bytes::bigint FROM pg_stat_wal) AS wal
"""
_TEXTS = r"""
SELECT left(regexp_replace(query, '\s+', ' ', 'g'), 110), sum(calls)::bigint FROM pg_stat_statements GROUP BY 1
"""
_CONNECTIONS = """
SELECT coalesce(nullif(application_name, ''), '?'), count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1
"""


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--list", type=int, default=8, metavar="N", help="name the N most frequent statements")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autosalon-rest-"))
    product = Product(folder)
    try:
        _count_statements(folder)
        product.start()
        _wait_until_ready(folder)
        first_page_s = _restart(product)
        time.sleep(CALM_S)
        found = _measure(folder, options)
    finally:
        product.stop()
    text, is_missed = _report(found | {"first page after a restart, s": first_page_s})
    print(text)
    if options.write:
        sheet.write("rest", f"{options.seconds:g} s of nobody doing anything", text)
    return int(is_missed)


def _count_statements(folder: Path) -> None:
    """Have PostgreSQL count statements from its next start on."""
    servers = Embedded(folder)
    servers.start(valkey=False)
    with psycopg.connect(servers.postgres_url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        connection.execute("CREATE EXTENSION pg_stat_statements")
    servers.stop()


def _wait_until_ready(folder: Path) -> None:
    """Wait for the last of the processes."""
    wait_for(lambda: "beat" in _roots(folder), 120, "the product does not start what works behind the pages")


def _roots(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder / "run" / "processes.json").read_text())
    return found


def _restart(product: Product) -> float:
    """Return the seconds from a second start to the first page."""
    assert product.process is not None
    product.process.terminate()
    product.process.wait(timeout=60)
    began = time.monotonic()
    product.start()
    passed = time.monotonic() - began
    _wait_until_ready(product.folder)
    return passed


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    roots = _roots(folder)
    with psycopg.connect(Embedded(folder).postgres_url("postgres"), autocommit=True) as connection:
        texts = dict(connection.execute(_TEXTS).fetchall())
        counts, cpu = _read(connection), processes.cpu_ms(roots)
        began = time.monotonic()
        time.sleep(options.seconds)
        passed = time.monotonic() - began
        counts, cpu = _read(connection) - counts, processes.cpu_ms(roots) - cpu
        after = Counter({text: calls - texts.get(text, 0) for text, calls in connection.execute(_TEXTS).fetchall()})
        connections = dict(connection.execute(_CONNECTIONS).fetchall())
    memory = processes.memory_mb(roots)
    return {
        "processor, % of a core": cpu.total() / passed / 10,
        "statements a second": counts["statements"] / passed,
        "transactions a second": counts["transactions"] / passed,
        "flushes to disk a second": counts["fsyncs"] / passed,
        "log written, bytes a second": counts["wal"] / passed,
        "memory, MB": memory.total(),
        "connections": sum(connections.values()),
        "by process, ms of processor time a second": {name: ms / passed for name, ms in cpu.items()},
        "by process, MB": memory,
        "most frequent statements a second": {
            f"`{text}`": calls / passed for text, calls in after.most_common(options.list)
        },
    }


def _read(connection: psycopg.Connection[Any]) -> Counter[str]:
    cursor = connection.execute(_COUNTS)
    names = [column.name for column in cursor.description or ()]
    return Counter(dict(zip(names, cursor.fetchone() or (), strict=True)))


def _report(found: dict[str, Any]) -> tuple[str, bool]:
    lines = ["| `make up` at rest | | goal |", "| --- | ---: | --- |"]
    for name, value in found.items():
        if not isinstance(value, Mapping):
            goal = GOALS.get(name)
            said = "" if goal is None else f"≤ {goal} {'ok' if value <= goal else 'MISSED'}"
            lines.append(f"| {name} | {value:,.1f} | {said} |")
    for name, parts in found.items():
        if isinstance(parts, Mapping):
            shares = sorted(parts.items(), key=lambda item: -item[1])
            lines.append(f"\n{name.capitalize()}: {', '.join(f'{part} {value:.1f}' for part, value in shares)}.")
    text = "\n".join(lines)
    return text, "MISSED" in text


if __name__ == "__main__":
    raise SystemExit(main())

"""Order create and order read over HTTP, as ratios to pgbench running the same statements in the same run.

One web process, every guard on: token, revocation, rate limit, roles, body, idempotency, ETag, request id.
"""

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, load, statements

GOALS = {"order create": 0.15, "order read": 0.20}
CLIENTS = 8
USERS = 64
ORDERS = 2_000


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind, interleaved; medians count")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    servers = bench_env.start(("orders",))
    try:
        return _measure(servers, options)
    finally:
        servers.stop()


def _measure(servers: Any, options: argparse.Namespace) -> int:
    products, users, orders = _seed()
    with server() as address:
        requests = {"order create": _creating(users, products), "order read": _reading(users, orders)}
        scripts = {name: _capture(servers, address, name, requests[name], products, users) for name in requests}
        measured: dict[str, dict[str, list[Any]]] = {name: {"pgbench": [], "http": []} for name in requests}
        for _ in range(options.rounds):
            for name, request in requests.items():
                measured[name]["pgbench"].append(_pgbench(servers, scripts[name][0], options.seconds))
                measured[name]["http"].append(load.run(address, request, clients=CLIENTS, seconds=options.seconds))
    return _report(measured, {name: script[1] for name, script in scripts.items()}, as_json=options.json)


def _seed() -> tuple[list[UUID], list[tuple[UUID, str]], list[tuple[UUID, int]]]:
    from django.db import connections
    from django.utils import timezone

    from core.ids import uuid7
    from core.testing import token_for
    from orders.services import Actor, ProductLine, place_order
    from orders.tests import make

    with connections["orders"].cursor() as cursor:
        cursor.execute("TRUNCATE orders_order CASCADE")  # the timeline refuses to be deleted from
    products = [make.product(available=2_000_000_000) for _ in range(2)]
    users = [(user, token_for(user, exp=int(time.time()) + 36_000)) for user in (uuid7() for _ in range(USERS))]
    orders = []
    for number in range(ORDERS):
        user = users[number % USERS][0]
        order = place_order(
            customer_id=user,
            actor=Actor(user, frozenset({"client"})),
            lines=[ProductLine(product, 1) for product in products],
            now=timezone.now(),
        )
        orders.append((order.id, number % USERS))
    return products, users, orders


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """The product's own web process on a free port, with one worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "granian"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--blocking-threads", "4", "--no-ws", "--log-level", "warning", "config.wsgi:application"),
    ]
    process = subprocess.Popen(command, cwd=bench_env.ROOT)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _request(method: str, path: str, token: str, body: bytes = b"", extra: str = "") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


def _creating(users: list[tuple[UUID, str]], products: list[UUID]) -> load.Request:
    body = json.dumps({"items": [{"product_id": str(product), "quantity": 1} for product in products]}).encode()
    run = time.time_ns()

    def request(client: int, number: int) -> bytes:
        token = users[(client + number * CLIENTS) % USERS][1]
        return _request(
            "POST", "/api/v1/orders", token, body, f"Idempotency-Key: {run}-{client}-{number}-{time.time_ns()}\r\n"
        )

    return request


def _reading(users: list[tuple[UUID, str]], orders: list[tuple[UUID, int]]) -> load.Request:
    def request(client: int, number: int) -> bytes:
        order, owner = orders[(client * 997 + number * 31) % len(orders)]
        return _request("GET", f"/api/v1/orders/{order}", users[owner][1])

    return request


def _capture(
    servers: Any,
    address: tuple[str, int],
    name: str,
    request: load.Request,
    products: list[UUID],
    users: list[tuple[UUID, str]],
) -> tuple[str, int]:
    """The pgbench script of one request, and how many statements it runs."""
    _log_statements(servers, on=True)
    log = servers.data_dir / "logs" / "postgres.log"
    for number in range(8):
        _once(address, request(0, 1_000_000 + number))
    before = log.stat().st_size
    sent = request(0, 2_000_000)
    answer = json.loads(_once(address, sent))
    time.sleep(0.3)
    found = statements.read_log(log, before)
    _log_statements(servers, on=False)
    if name == "order read":
        return ";\n".join(found) + ";\n", len(found)
    key = sent.partition(b"Idempotency-Key: ")[2].partition(b"\r\n")[0].decode()
    keep = {*products, *(user for user, _ in users)}
    return statements.to_script(found, keep=keep, unique=[answer["number"], key]), len(found)


def _once(address: tuple[str, int], request: bytes) -> bytes:
    with socket.create_connection(address) as connection:
        connection.sendall(request)
        head, body = load.read_response(connection)
    if not head.startswith(b"HTTP/1.1 2"):
        raise SystemExit(f"the server refused: {head.decode()}\n{body.decode()}")
    return body


def _log_statements(servers: Any, *, on: bool) -> None:
    import psycopg

    with psycopg.connect(servers.postgres_url("autosalon_orders"), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET log_statement = '{'all' if on else 'none'}'")
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)


def _pgbench(servers: Any, script: str, seconds: float) -> float:
    from devtools.embedded import postgres_bin

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            str(postgres_bin() / "pgbench"),
            *("-n", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, round(seconds))), "-f", file.name),
            *("-h", str(servers.socket_dir), "-U", "postgres", "autosalon_orders"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or "failed" in done.stderr.lower():
        raise SystemExit(f"pgbench: {done.stdout}\n{done.stderr[-2000:]}")
    return float(found[1])


def _report(measured: dict[str, dict[str, list[Any]]], counts: dict[str, int], *, as_json: bool) -> int:
    rows = {}
    for name, one in measured.items():
        limit = statistics.median(one["pgbench"])
        ours = statistics.median(result.per_second for result in one["http"])
        rows[name] = {
            "http_per_second": round(ours),
            "pgbench_per_second": round(limit),
            "ratio": round(ours / limit, 3),
            "goal": GOALS[name],
            "p50_ms": round(statistics.median(result.p50_ms for result in one["http"]), 2),
            "p99_ms": round(statistics.median(result.p99_ms for result in one["http"]), 2),
            "statements": counts[name],
            "errors": sum(result.errors for result in one["http"]),
        }
    if as_json:
        print(json.dumps(rows))
    else:
        for name, row in rows.items():
            verdict = "ok" if row["ratio"] >= row["goal"] and not row["errors"] else "MISSED"
            print(
                f"{name:13} {row['http_per_second']:>6}/s  pgbench {row['pgbench_per_second']:>6}/s  "
                f"ratio {row['ratio']:.3f} (goal {row['goal']:.2f}) {verdict}  "
                f"p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms  "
                f"{row['statements']} statements  {row['errors']} errors"
            )
    return int(any(row["ratio"] < row["goal"] or row["errors"] for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())

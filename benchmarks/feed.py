"""The live feed: from the commit of a status to the client's socket, beside a bare server in the same run.

One ASGI process, every socket follows an order of its own with a buyer's token. The limit is a Starlette server that
is told by Redis PUBLISH right after the same commit: no log, no order, no resume, no sign-in. With `--traces` the feed
is measured against itself with traces on, every change sampled and sent to a collector of the benchmark's own.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, processes
from devtools.pictures.collector import Collector

GOAL_P99_MS = 75.0
GOAL_KB = 41.0
EXPORT_S = 6  # spans are sent every five seconds
BARE = "bench:bare:"
ROUTE = ("paid", "in_progress", "ready", "completed")


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50, help="changes a second")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind, interleaved; medians count")
    parser.add_argument("--traces", action="store_true", help="measure what traces cost, beside the feed without them")
    parser.add_argument("--role", choices=("relay", "clients"), help=argparse.SUPPRESS)
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        return {"relay": _relay, "clients": _clients}[options.role](options)
    servers = bench_env.start(("orders",))
    try:
        return _measure_traces(options) if options.traces else _measure(options)
    finally:
        servers.stop()


def _measure_traces(options: argparse.Namespace) -> int:
    """Measure the feed with traces off and on in turn; the processes of each round are its own."""
    orders = _prepare(options)
    found: dict[str, list[float]] = {"off": [], "on": []}
    cpu: dict[str, Counter[str]] = {"off": Counter(), "on": Counter()}
    steps = dict.fromkeys((order_id for order_id, _ in orders), 0)
    with Collector() as collector:
        for number in range(2 * options.rounds):
            name = ("off", "on")[(number + number // 2) % 2]
            settings = {"AUTOSALON_TRACES_URL": collector.url if name == "on" else ""}
            with (
                _process("--role", "relay", **settings) as relay,
                _server("config.asgi:application", **settings) as web,
            ):
                pids = {"relay": relay.pid, "web": web[1]}
                with _listeners(name, _plan(web[0], orders)) as listeners:
                    before = processes.cpu_ms(pids)
                    sent = _write(options, orders, steps, is_bare=False, is_traced=True)
                    cpu[name].update(processes.cpu_ms(pids) - before)
                    time.sleep(EXPORT_S if name == "on" else 0)
            heard = listeners.heard()
            found[name].extend((heard[key] - at) * 1000 for key, at in sent.items())
        print(f"{len(found['on'])} changes with traces on, {collector.count('feed.push')} spans called feed.push")
    for name, times in found.items():
        cut, used = statistics.quantiles(times, n=100), cpu[name]
        each = ", ".join(f"{role} {ms / len(times):.2f} ms a change" for role, ms in used.items())
        print(f"  {name:3}  p50 {cut[49]:5.1f} ms  p99 {cut[98]:5.1f} ms  {each}")
    return 0


def _prepare(options: argparse.Namespace) -> list[tuple[UUID, UUID]]:
    """Make the orders, and place what that wrote."""
    from messaging.transport import relay

    orders = _seed(options.sockets)
    while relay.sequence("orders"):
        pass
    return orders


def _plan(port: int, orders: list[tuple[UUID, UUID]]) -> list[tuple[str, str]]:
    return [(f"ws://127.0.0.1:{port}/ws/orders/{order_id}/", token) for order_id, token in _tokens(orders)]


def _measure(options: argparse.Namespace) -> int:
    orders = _prepare(options)
    steps = dict.fromkeys((order_id for order_id, _ in orders), 0)
    ours: list[float] = []
    bare: list[float] = []
    memory: dict[str, float] = {}
    with _process("--role", "relay"), _server("config.asgi:application") as our_port, _bare_server() as bare_port:
        plans = {
            "feed": _plan(our_port[0], orders),
            "bare": [(f"ws://127.0.0.1:{bare_port[0]}/ws/{order_id}", "") for order_id, _ in orders],
        }
        pids = {"feed": our_port[1], "bare": bare_port[1]}
        with _listeners("warm", plans["feed"][:50]), _listeners("warm-bare", plans["bare"][:50]):
            pass
        for number in range(options.rounds):
            for name, found in (("feed", ours), ("bare", bare)):
                before = _rss_kb(pids[name])
                with _listeners(name, plans[name]) as listeners:
                    if number == 0:
                        memory[name] = (_rss_kb(pids[name]) - before) / options.sockets
                    sent = _write(options, orders, steps, is_bare=name == "bare")
                heard = listeners.heard()
                missing = [key for key in sent if key not in heard]
                if missing:
                    print(f"{name}: {len(missing)} of {len(sent)} changes never arrived")
                    return 1
                found.extend((heard[key] - at) * 1000 for key, at in sent.items())
    return _report(options, ours, bare, memory)


def _report(options: argparse.Namespace, ours: list[float], bare: list[float], memory: dict[str, float]) -> int:
    print(f"{options.sockets} sockets in one process, {options.rate} changes a second, {options.rounds} rounds")
    times = {}
    for name, title, found in (("feed", "live feed", ours), ("bare", "bare Starlette + Redis", bare)):
        cut = statistics.quantiles(found, n=100)
        times[name] = (cut[49], cut[98])
        print(
            f"  {title:24} commit -> socket p50 {cut[49]:6.1f} ms   p99 {cut[98]:6.1f} ms   "
            f"{memory[name]:5.0f} kB a socket   {len(found)} changes, none lost"
        )
    print(f"  memory a socket against the bare server: {memory['feed'] / max(1.0, memory['bare']):.2f}")
    is_slow = times["feed"][1] > max(GOAL_P99_MS, 2 * times["bare"][1])
    return int(is_slow or memory["feed"] > max(GOAL_KB, 2 * memory["bare"]))


# Orders -------------------------------------------------------------------------------------------------------------
def _seed(count: int) -> list[tuple[UUID, UUID]]:
    """Paid orders, each of another buyer; paid by a statement, since how is not what is measured."""
    from django.db import connections
    from django.utils import timezone

    from core.ids import uuid7
    from orders.services import Actor, ProductLine, place_order
    from orders.tests import make

    product = make.product(available=2_000_000_000)
    made = []
    for _ in range(count):
        buyer = uuid7()
        order = place_order(
            customer_id=buyer, actor=Actor(buyer, frozenset({"client"})), lines=[ProductLine(product, 1)],
            now=timezone.now(),
        )  # fmt: skip
        made.append((order.id, buyer))
    with connections["orders"].cursor() as cursor:
        cursor.execute("UPDATE orders_order SET status = 'paid', amount_paid = total_amount")
    return made


def _tokens(orders: list[tuple[UUID, UUID]]) -> list[tuple[UUID, str]]:
    from core.testing import token_for

    return [(order_id, token_for(buyer, exp=int(time.time()) + 36_000)) for order_id, buyer in orders]


def _write(
    options: argparse.Namespace,
    orders: list[tuple[UUID, UUID]],
    steps: dict[UUID, int],
    *,
    is_bare: bool,
    is_traced: bool = False,
) -> dict[str, float]:
    """Move orders on at the given rate, traced if wanted; return when each change was committed."""
    import redis
    from django.conf import settings
    from django.utils import timezone

    from core import context
    from core.ids import uuid7
    from orders.services import Actor, move_order

    manager = Actor(uuid7(), frozenset({"manager"}))
    publisher = redis.Redis.from_url(settings.REDIS.url(2))
    movable = [order_id for order_id, _ in orders if steps[order_id] < len(ROUTE) - 1]
    sent: dict[str, float] = {}
    started = time.perf_counter()
    for number in range(min(len(movable), int(options.rate * options.seconds))):
        while time.perf_counter() < started + number / options.rate:
            time.sleep(0.0005)
        order_id = movable[number * 7919 % len(movable)] if len(movable) % 7919 else movable[number]
        steps[order_id] += 1
        status = ROUTE[steps[order_id]]
        with context.cause(traceparent=context.new_traceparent() if is_traced else ""):
            move_order(order_id=order_id, status=status, actor=manager, now=timezone.now())
        sent[f"{order_id} {status}"] = time.time()
        if is_bare:
            publisher.publish(f"{BARE}{order_id}", json.dumps({"order_id": str(order_id), "status": status}))
    time.sleep(1.0)
    return sent


# Processes ------------------------------------------------------------------------------------------------------------
@contextmanager
def _process(*arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a role of ours from when it says that it is ready."""
    command = [sys.executable, __file__, *arguments]
    process = subprocess.Popen(command, cwd=bench_env.ROOT, env=os.environ | settings, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def _server(application: str, **settings: str) -> Iterator[tuple[int, int]]:
    """Serve an ASGI application as in production; give its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port), "--lifespan", "off",
        "--no-access-log", "--log-level", "error", "--ws-per-message-deflate", "false", "--ws-max-size", "65536",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=bench_env.ROOT, env=os.environ | settings)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _bare_server() -> Any:
    return _server("benchmarks.feed:bare_application")


def _rss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("the server is gone")


class _Listeners:
    """A process that holds the sockets and notes when each change arrived."""

    def __init__(self, name: str, plan: list[tuple[str, str]]) -> None:
        self.folder = bench_env.DATA_DIR / "feed"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / f"{name}.json"
        self.file.write_text(json.dumps(plan))
        command = [sys.executable, __file__, "--role", "clients", "--plan", str(self.file)]
        self.process = subprocess.Popen(
            command, cwd=bench_env.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit("the sockets could not be opened")

    def stop(self) -> None:
        """Hang up and let the process write down what it heard."""
        self.output = self.process.communicate("stop\n", timeout=60)[0]

    def heard(self) -> dict[str, float]:
        """Return when each change arrived."""
        found: dict[str, float] = json.loads(self.output.splitlines()[-1])
        return found


@contextmanager
def _listeners(name: str, plan: list[tuple[str, str]]) -> Iterator[_Listeners]:
    listeners = _Listeners(name, plan)
    try:
        yield listeners
    finally:
        listeners.stop()


def _clients(options: argparse.Namespace) -> int:
    asyncio.run(_listen(json.loads(Path(options.plan).read_text())))
    return 0


async def _listen(plan: list[tuple[str, str]]) -> None:
    from websockets.asyncio.client import connect

    heard: dict[str, float] = {}
    gate = asyncio.Semaphore(50)
    opened: asyncio.Queue[None] = asyncio.Queue()

    async def follow(address: str, token: str) -> None:
        async with gate:
            subprotocols: Any = ["bearer", token] if token else None
            connection = await connect(
                address, subprotocols=subprotocols, compression=None, ping_interval=None, open_timeout=60
            )
            if token:
                await connection.recv()  # the snapshot
        opened.put_nowait(None)
        with suppress(Exception):
            async for text in connection:
                now = time.time()
                message = json.loads(text)
                heard[f"{message['order_id']} {message['status']}"] = now

    tasks = [asyncio.create_task(follow(address, token)) for address, token in plan]
    for _ in plan:
        await opened.get()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    print(json.dumps(heard), flush=True)
    os._exit(0)


def _relay(options: argparse.Namespace) -> int:
    """The relay as it runs in production, with nobody to copy to."""
    os.environ.update(bench_env.SETTINGS)
    import django

    django.setup()
    import threading

    from messaging.transport import relay_loop

    relay_loop.list_targets = lambda source, types=None, *, at_once=False: []  # only orders' database is migrated here
    relay = relay_loop.Relay(["orders"])
    relay.start()
    print("ready", flush=True)
    threading.Event().wait()
    return 0


def _make_bare() -> Any:
    import redis.asyncio
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    from config.servers.redis import RedisAddresses
    from devtools.embedded import Embedded

    followers: dict[str, set[WebSocket]] = {}
    tasks: list[asyncio.Task[None]] = []

    async def fan_out() -> None:
        client = redis.asyncio.Redis.from_url(
            RedisAddresses("", Embedded(bench_env.DATA_DIR).redis_socket).url(2), socket_timeout=None
        )
        subscription = client.pubsub()
        await subscription.psubscribe(f"{BARE}*")
        async for message in subscription.listen():
            if message["type"] == "pmessage":
                name = message["channel"].decode().removeprefix(BARE)
                for follower in followers.get(name, ()):
                    await follower.send_text(message["data"].decode())

    async def follow(connection: WebSocket) -> None:
        await connection.accept()
        if not tasks:
            tasks.append(asyncio.create_task(fan_out()))
        name = connection.path_params["name"]
        followers.setdefault(name, set()).add(connection)
        try:
            while True:
                await connection.receive_text()
        except WebSocketDisconnect:
            followers[name].discard(connection)

    return Starlette(routes=[WebSocketRoute("/ws/{name}", follow)])


def __getattr__(name: str) -> Any:
    """The bare application, made only in the process that serves it."""
    if name == "bare_application":
        return _make_bare()
    raise AttributeError(name)


if __name__ == "__main__":
    raise SystemExit(main())

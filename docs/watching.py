"""Draws the pictures of docs/metrics.md and docs/operations.md from a running shop: `make watch-pictures`.

A product of its own, with a Prometheus that scrapes it and a collector that is sent its spans, sells for some minutes.
Then one purchase becomes a waterfall, and every dashboard of deploy/watch a grid of panels. Needs Prometheus on the
PATH (Debian: apt-get install prometheus).
"""

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import httpx2  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from core.ids import uuid7  # noqa: E402
from devtools.pictures import panels, waterfall  # noqa: E402
from devtools.pictures.collector import Collector  # noqa: E402
from devtools.pictures.prometheus import Prometheus  # noqa: E402
from tests.product import Product, free_port, wait_for  # noqa: E402

PICTURES = HERE / "img"
DASHBOARDS = HERE.parent / "deploy" / "watch" / "dashboards"
BATCH_S = 6
"""Exporters send what they have every five seconds."""
POINTS = 120
CARDS = ("tok_success",) * 8 + ("tok_declined", "tok_refund_fails")
PATHS = ("/products", "/categories", "/products?page_size=50", "/no-such-page", f"/products/{uuid7()}")


def main() -> int:
    """Sell, look and draw; the exit code tells whether there are pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the shop sells")
    parser.add_argument("--rate", type=float, default=1.0, help="purchases a second")
    options = parser.parse_args()
    if not shutil.which("prometheus"):
        print("no Prometheus found: install it (Debian: apt-get install prometheus)", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="autosalon-watched-"))
    product = Product(folder / "shop")
    try:
        with Collector() as collector:
            product.env |= {"AUTOSALON_TRACES_URL": collector.url, "AUTOSALON_TRACES_SHARE": "0"}
            product.start()
            with Prometheus(
                folder / "prometheus", shop_port=product.port, port=free_port(), interval_s=3
            ) as prometheus:
                trace_id = buy_traced(product)
                product.manage("check_books")
                began = time.time()
                sell(product, options)
                draw_dashboards(prometheus, began, options)
            draw_trace(collector, trace_id)
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def buy_traced(product: Product) -> str:
    """Buy one car while its buyer follows the order by socket; return the id of the trace."""
    car, buyer, trace_id = product.new_vehicle(stock=2), uuid7(), secrets.token_hex(16)
    product.ended(product.buy(car, product.token()).json()["id"], product.token(None, "manager"))
    token = product.token(buyer)
    with follow(product, token) as socket:
        socket.recv()
        parent = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "Idempotency-Key": str(uuid7())}
        body = {"items": [{"product_id": car, "quantity": 1}], "payment": {"method": "card", "token": "tok_success"}}
        answer = product.call("POST", "/orders", token=token, json=body, headers=parent)
        assert answer.status_code == 201, answer.text
        while json.loads(socket.recv(timeout=60))["status"] != "paid":
            pass
    return trace_id


def follow(product: Product, token: str) -> ClientConnection:
    """Open a buyer's socket."""
    subprotocols = ["bearer", token]
    return connect(f"ws://127.0.0.1:{product.port}/ws/orders/", subprotocols=subprotocols)  # type: ignore[arg-type]


def sell(product: Product, options: argparse.Namespace) -> None:
    """Let buyers look around, buy, be refused and call off, for as long as was asked."""
    car, manager = product.new_vehicle(stock=10_000), product.token(None, "manager")
    over = threading.Event()
    sockets = [follow(product, product.token()) for _ in range(5)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        until = time.monotonic() + options.seconds
        number = 0
        while time.monotonic() < until:
            pool.submit(visit, product, car, manager, number)
            number += 1
            over.wait(1 / options.rate)
    for socket in sockets:
        socket.close()


def visit(product: Product, car: str, manager: str, number: int) -> None:
    """Look at some pages, then buy; every seventh buyer calls it off, every third car goes on to the workshop."""
    token = product.token()
    with suppress(httpx2.HTTPError):
        for path in PATHS:
            product.http.get(path)
        answer = product.buy(car, token, card=CARDS[number % len(CARDS)])
        address = f"/orders/{answer.json()['id']}"
        card = CARDS[number % len(CARDS)]
        if card == "tok_refund_fails":
            product.ended(answer.json()["id"], token)
        if number % 7 == 0 or card == "tok_refund_fails":
            product.call("POST", f"{address}/cancel", token=manager, json={"reason": "changed their mind"})
        elif number % 3 == 0:
            product.ended(answer.json()["id"], token)
            product.call("PUT", f"{address}/status", token=manager, json={"status": "in_progress"})


def draw_trace(collector: Collector, trace_id: str) -> None:
    """Draw the purchase once everything it caused has been told."""

    def read() -> list[waterfall.Span]:
        before = len(collector.read_trace(trace_id))
        time.sleep(BATCH_S)
        found = collector.read_trace(trace_id)
        return found if len(found) == before else []

    spans = wait_for(read, 120, "spans still come in")
    title = f"One purchase by card: {len(spans)} spans from the request to the buyer's socket"
    write("trace-purchase.svg", waterfall.draw(spans, title))


def draw_dashboards(prometheus: Prometheus, began: float, options: argparse.Namespace) -> None:
    """Draw every dashboard as Prometheus answers it."""
    ended = time.time()
    for path in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(path.read_text())
        step_s = (ended - began) / POINTS
        drawn = [prometheus.read_panel(panel, began, ended, step_s) for panel in dashboard["panels"]]
        title = f"{dashboard['title']}, {options.seconds:g} s of {options.rate:g} purchases a second"
        write(f"dashboard-{path.stem}.svg", panels.draw(title, drawn, ended - began))


def write(name: str, text: str) -> None:
    """Write one picture."""
    (PICTURES / name).write_text(text)
    print(f"wrote {name}: {len(text) // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())

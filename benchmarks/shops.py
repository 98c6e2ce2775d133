"""The shops that `benchmarks/run.py` asks: ours and the peers, filled alike, each behind a web server of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, load

PEERS = bench_env.ROOT / "benchmarks" / "peers"
PEERS_VENV = bench_env.ROOT / ".data" / "peers"
PEER_DATABASE = "autosalon_bench_peers"
CLIENTS, USERS, ORDERS, PRODUCTS = 8, 64, 2_000, 1_000
START_S = 120
PASSWORD = "correct-horse-battery"


@dataclass
class Server:
    """A running web server, and what it is asked by the names of the calls."""

    address: tuple[str, int]
    pid: int
    requests: Mapping[str, load.Request]


def seed() -> tuple[list[tuple[UUID, str]], list[UUID], list[tuple[UUID, int]]]:
    """Fill our databases; return the users with their tokens, the products, and the orders with their owners."""
    from django.utils import timezone

    import catalog.tests.make
    from catalog.models import Product
    from core.db import fetch
    from core.testing import token_for
    from orders.services import Actor, ProductLine, place_order
    from orders.tests import make

    _seed_people()

    fetch("orders", "TRUNCATE orders_order CASCADE", ())  # the timeline refuses to be deleted from
    for _ in range(max(0, PRODUCTS - Product.objects.count())):
        catalog.tests.make.product()
    products = list(Product.objects.values_list("pk", flat=True)[:PRODUCTS])
    sold = [make.product(available=2_000_000_000) for _ in range(2)]
    users = [(numbered(n), token_for(numbered(n), exp=int(time.time()) + 36_000)) for n in range(USERS)]
    orders = []
    for number in range(ORDERS):
        user = users[number % USERS][0]
        order = place_order(
            customer_id=user,
            actor=Actor(user, frozenset({"client"})),
            lines=[ProductLine(product, 1) for product in sold],
            now=timezone.now(),
        )
        orders.append((order.id, number % USERS))
    for alias in ("orders", "catalog"):
        fetch(alias, "ANALYZE", ())
    return users, [*sold, *products], orders


def _seed_people() -> None:
    """Make the people who sign in, and forget who has: the list of a person's sessions is not what is measured."""
    from django.utils import timezone

    from accounts.models import Session, User
    from accounts.services import create_user

    Session.objects.all().delete()
    for number in range(CLIENTS):
        if not User.objects.filter(email=_email(number)).exists():
            create_user(email=_email(number), password=PASSWORD, roles=("client",), now=timezone.now())


def _email(number: int) -> str:
    return f"person{number}@bench.example.com"


def seed_peers(servers: Any, users: list[tuple[UUID, str]]) -> None:
    import psycopg

    servers.create_databases([PEER_DATABASE])
    with psycopg.connect(servers.postgres_url(PEER_DATABASE), autocommit=True) as connection:
        connection.execute((PEERS / "schema.sql").read_text())
        connection.execute(
            """CREATE FUNCTION kept_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
               RETURN ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid"""
        )
        connection.execute(
            """INSERT INTO product (id, sku, name, price, currency, created_at)
               SELECT kept_id(n), 'SKU-' || n, 'Lada Vesta 2021', 1500000 + n, 'RUB', now() - n * interval '1 s'
               FROM generate_series(1, %s) AS n""",
            [PRODUCTS],
        )
        connection.execute(
            """INSERT INTO shop_order (id, customer_id, status, currency, total)
               SELECT kept_id(n), kept_id(n %% %s), 'created', 'RUB', 3000000 FROM generate_series(0, %s) AS n""",
            [USERS, ORDERS - 1],
        )
        connection.execute(
            """INSERT INTO order_line (order_id, product_id, quantity, price)
               SELECT id, kept_id(p), 1, 1500000 FROM shop_order, generate_series(1, 2) AS p"""
        )
        connection.execute("VACUUM ANALYZE")


def numbered(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8000-{number:012d}")


def requests(
    users: list[tuple[UUID, str]], products: list[UUID], orders: list[tuple[UUID, int]]
) -> dict[str, load.Request]:
    """Return what one asks of a shop that has these orders, with their owners, and these products."""
    body = json.dumps({"items": [{"product_id": str(product), "quantity": 1} for product in products[:2]]}).encode()
    run = time.time_ns()

    def create(client: int, number: int) -> bytes:
        key = f"Idempotency-Key: {run}-{client}-{number}-{time.time_ns()}\r\n"
        return _request("POST", "/api/v1/orders", users[(client + number * CLIENTS) % USERS][1], body, key)

    def read(client: int, number: int) -> bytes:
        order, owner = orders[(client * 997 + number * 31) % len(orders)]
        return _request("GET", f"/api/v1/orders/{order}", users[owner][1])

    def read_product(client: int, number: int) -> bytes:
        product = products[2 + (client * 997 + number * 31) % (len(products) - 2)]
        return _request("GET", f"/api/v1/products/{product}", "")

    def ask_anew(client: int, number: int) -> bytes:
        return _request("GET", f"/api/v1/products?page_size=20&price_min={time.time_ns() % 10**9 / 1000:.2f}", "")

    def own(client: int, number: int) -> bytes:
        return _request("GET", "/api/v1/orders?page_size=20", users[(client * 7 + number) % USERS][1])

    def sign_in(client: int, number: int) -> bytes:
        body = json.dumps({"email": _email(client % CLIENTS), "password": PASSWORD}).encode()
        return _request("POST", "/api/v1/auth/login", "", body)

    return {
        "create order": create,
        "read order": read,
        "list 20 orders": own,
        "list 20 products": lambda client, number: _request("GET", "/api/v1/products?page_size=20", ""),
        "list products, never asked before": ask_anew,
        "read product": read_product,
        "sign in": sign_in,
    }


def _request(method: str, path: str, token: str, body: bytes = b"", extra: str = "") -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


Command = Callable[[int], list[str]]


def granian(application: str, *, workers: int = 1) -> Command:
    return lambda port: [
        str(Path(sys.executable).parent / "granian"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", "4", "--no-ws", "--log-level", "warning", application),
    ]


def uvicorn() -> Command:
    """Start the FastAPI peer in an environment of its own, made on first use."""
    python = PEERS_VENV / "bin" / "python"
    if not (PEERS_VENV / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS_VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", PEERS / "requirements.txt"], check=True)
        (PEERS_VENV / "ready").touch()
    return lambda port: [
        str(python),
        *("-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"),
        "benchmarks.peers.fastapi_shop:app",
    ]


def peer_settings(servers: Any) -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from django.conf import settings

    private = serialization.load_pem_private_key(settings.JWT_PRIVATE_KEY.encode(), password=None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    host = str(servers.socket_dir)
    return {
        "PEER_PUBLIC_KEY": public.decode(),
        "PEER_DATABASE": PEER_DATABASE,
        "PEER_HOST": host,
        "PEER_DATABASE_URL": f"postgresql+asyncpg://postgres@/{PEER_DATABASE}?host={host}",
    }


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Run the product's own web process on a free port, with one worker; yield its address."""
    with serve(granian("config.wsgi:application"), {}) as running:
        yield running.address


@contextmanager
def serve(
    command: Command, requests: Mapping[str, load.Request], settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(command(port), cwd=bench_env.ROOT, env={**os.environ, **(settings or {})})
    try:
        _wait(process, port)
        yield Server(("127.0.0.1", port), process.pid, requests)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"no server on port {port}: {process.args}")

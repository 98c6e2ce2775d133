"""The whole product as real processes, for tests that kill some of them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jwt
from django.conf import settings

from core.ids import uuid7
from devtools.embedded import Embedded

ROOT = Path(__file__).resolve().parent.parent
STARTUP_S = 300
"""Migrating ten databases and making demo data takes half a minute, and minutes on a busy machine."""


def _hold(response: httpx2.Response) -> None:
    if settings.configured:  # not in the long storms, which are started by hand
        from tests import contract

        contract.hold_received(response)


HELD: dict[str, list[Callable[..., Any]]] = {"response": [_hold]}
"""Hooks of a client of the API: every answer is held against the document."""


def api_client(port: int) -> httpx2.Client:
    """Open a client of the API at a port of this machine; it lets connections go before any server does."""
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2)
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, event_hooks=HELD, limits=limits)


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until `condition()` is true; fail with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """`manage.py up` in a folder and on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.insurers_port, self.banks_port = free_port(), free_port()
        self.sms_port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOSALON_", "PYTEST"))}
        self.env = kept | {
            "AUTOSALON_DEBUG": "on",
            "AUTOSALON_DATA_DIR": str(folder),
            "AUTOSALON_PORT": str(self.port),
            "AUTOSALON_SANDBOX_PORT": str(self.sandbox_port),
            "AUTOSALON_INSURERS_PORT": str(self.insurers_port),
            "AUTOSALON_BANKS_PORT": str(self.banks_port),
            "AUTOSALON_SMS_PORT": str(self.sms_port),
            "AUTOSALON_RATE_LIMITS": "off",
            "AUTOSALON_HOLDS_WITHOUT_DEPOSIT": "1000",
            "AUTOSALON_REDIS_URL": "",
            "AUTOSALON_LOG_LEVEL": "WARNING",
        }
        self.env.pop("DJANGO_SETTINGS_MODULE", None)
        self.process: subprocess.Popen[bytes] | None = None
        self.http = api_client(self.port)

    def clear(self) -> None:
        """Stop the servers that a run which was killed left here, and forget what they kept."""
        Embedded(self.folder).stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> "Product":
        """Start and wait for the first answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "up.log").open("ab")
        command = [sys.executable, "manage.py", "up", "--no-photographs"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        wait_for(self._is_up, STARTUP_S, f"the product does not come up: {self.folder / 'up.log'}")
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "up.log").read_text()[-3000:]
        try:
            return bool(self.http.get("/products", params={"page_size": 1}).json()["results"])
        except (httpx2.HTTPError, ValueError, KeyError):
            return False

    def restart(self) -> str:
        """Stop everything as Ctrl-C does, start it again, and return what it said until it answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0
        said_before = (self.folder / "up.log").stat().st_size
        self.start()
        return (self.folder / "up.log").read_bytes()[said_before:].decode()

    def stop(self) -> None:
        """Stop everything and delete the folder."""
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        self.clear()

    def manage(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the running product."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def pids(self, name: str) -> list[int]:
        """Process ids of a role and of its children, as the supervisor knows them."""
        found = json.loads((self.folder / "run" / "processes.json").read_text())
        main = [pid for role, pid in _roles(found) if role.startswith(name)]
        return [*main, *(child for pid in main for child in _children(pid))]

    def token(self, user_id: UUID | None = None, *roles: str) -> str:
        """An access token signed with this product's own key."""
        now = int(time.time())
        claims = {
            "sub": str(user_id or uuid7()),
            "email": "buyer@example.com",
            "roles": list(roles) or ["client"],
            "jti": str(uuid7()),
            "iat": now,
            "exp": now + 3600,
            "iss": "autosalon",
            "aud": "autosalon-api",
        }
        return jwt.encode(claims, (self.folder / "keys" / "jwt_private.pem").read_text(), algorithm="RS256")

    def call(self, method: str, path: str, *, token: str, **more: Any) -> httpx2.Response:
        """Call the API as the bearer of `token`."""
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        return self.http.request(method, path, headers=headers, **more)

    def agree(self, waiting: httpx2.Response) -> None:
        """Let a second manager agree to what was answered with 202."""
        assert waiting.status_code == 202, waiting.text
        path = f"/approvals/{waiting.json()['approval']['id']}/approve"
        answer = self.call("POST", path, token=self.token(None, "manager"))
        assert answer.is_success, answer.text

    def order(self, order_id: str, token: str) -> dict[str, Any]:
        """Read an order."""
        found: dict[str, Any] = self.call("GET", f"/orders/{order_id}", token=token).json()
        return found

    def new_vehicle(self, stock: int = 1) -> str:
        """A vehicle that orders has heard of; return its id."""
        manager = self.token(None, "manager")
        body = {
            "sku": f"T-{uuid7()}", "name": "Lada Vesta", "kind": "vehicle", "price": "1500000.00", "stock": stock,
            "make": "Lada", "model": "Vesta", "year": 2026, "condition": "new", "mileage": 0,
        }  # fmt: skip
        created = self.call("POST", "/products", token=manager, json=body)
        assert created.status_code == 201, created.text
        return str(created.json()["id"])

    def buy(
        self, product_id: str, token: str, *, card: str = "tok_success", key: str = "", **more: Any
    ) -> httpx2.Response:
        """Order a product and pay for it, with `more` in the order; waits while orders has not heard of the product."""
        body = {
            "items": [{"product_id": product_id, "quantity": 1}],
            "payment": {"method": "card", "token": card},
        } | more
        headers = {"Idempotency-Key": key or str(uuid7())}

        def attempt() -> httpx2.Response | None:
            answer = self.call("POST", "/orders", token=token, json=body, headers=headers)
            waits = answer.status_code == 409 and answer.json()["code"] == "product_not_ready"
            return None if waits else answer

        found: httpx2.Response = wait_for(attempt, 90, "orders never heard of the product")
        return found

    def ended(self, order_id: str, token: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until the order's checkout is over."""

        def look() -> dict[str, Any] | None:
            order = self.order(order_id, token)
            return order if order["saga"]["state"] in ("completed", "compensated") else None

        found: dict[str, Any] = wait_for(look, seconds, f"order {order_id} does not end")
        return found

    def comes_to(self, vehicle: str, stock: int, available: int) -> bool:
        """Wait until the shop has so many: what is paid leaves the stock by an event, after the order says so."""

        def look() -> bool:
            shown = self.http.get(f"/products/{vehicle}").json()
            return (shown["stock"], shown["available"]) == (stock, available)

        return bool(wait_for(look, 90, f"product {vehicle} does not come to {stock} and {available}"))


def _roles(found: Any) -> list[tuple[str, int]]:
    if isinstance(found, dict):
        return [(name, pid) for name, pid in found.items() if isinstance(pid, int)]
    return [(item["name"], item["pid"]) for item in found]


def _children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children]


def kill(pids: list[int], sign: int = signal.SIGKILL) -> None:
    """Send a signal to processes that may be gone already."""
    for pid in pids:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            continue

"""Buy a car the way a customer does, through the public API and the WebSocket, and print each step."""

import json
import time
from typing import Any
from uuid import uuid4

import httpx2
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from config.processes.running import running_address

FINAL = {"paid", "cancelled", "refunded", "completed"}
PASSWORD = "a-Simulated-Buyer-1"


class Command(BaseCommand):
    """`manage.py simulate_purchase`: exits 1 unless the order ends as expected."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="where the product runs (default: what `make up` runs here)")
        parser.add_argument("--token", default="tok_success", help="sandbox card token (tok_declined, tok_flaky …)")
        parser.add_argument("--expect", default="", help="status to end in (default: paid, or cancelled if declined)")
        parser.add_argument("--product", default="", help="id of the product to buy (default: any in stock)")
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through the whole purchase."""
        self.started = time.monotonic()
        options["url"] = options["url"] or running_address(settings.DATA_DIR)
        if not options["url"]:
            raise CommandError("nothing runs in this checkout: start it with `make up`, or say where with --url")
        refusing = {"tok_declined", "tok_insufficient_funds"}
        expected = options["expect"] or ("cancelled" if options["token"] in refusing else "paid")
        try:
            with httpx2.Client(base_url=f"{options['url']}/api/v1", timeout=10) as client:
                status = self._buy(client, options)
        except (httpx2.HTTPError, OSError, WebSocketException, TimeoutError) as error:
            raise CommandError(f"the product does not answer at {options['url']}: {error!r}") from error
        if status != expected:
            raise CommandError(f"the order ended {status}, not {expected}")
        self._say(f"done: {status}")

    def _say(self, text: str) -> None:
        self.stdout.write(f"{time.monotonic() - self.started:7.3f} s  {text}")
        self.stdout.flush()

    def _call(self, client: httpx2.Client, method: str, path: str, **more: Any) -> Any:
        answer = client.request(method, path, **more)
        if answer.status_code == 409 and "Retry-After" in answer.headers:
            self._say(f"{answer.json()['code']}: trying again in {answer.headers['Retry-After']} s")
            time.sleep(float(answer.headers["Retry-After"]))
            return self._call(client, method, path, **more)
        if answer.is_error:
            raise CommandError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def _buy(self, client: httpx2.Client, options: dict[str, Any]) -> str:
        self._sign_in(client)
        product = self._choose(client, options["product"])
        body = {
            "items": [{"product_id": product["id"], "quantity": 1}],
            "payment": {"method": "card", "token": options["token"]},
            "expected_total": product["price"],
        }
        order = self._call(client, "POST", "/orders", json=body, headers={"Idempotency-Key": str(uuid4())})
        self._say(f"order {order['number']} placed: {order['total_amount']} {order['currency']}")
        status = self._watch(client, order["id"], options)
        self._print_end(client, order["id"])
        return status

    def _sign_in(self, client: httpx2.Client) -> None:
        email = f"buyer-{uuid4().hex[:12]}@example.com"
        self._call(
            client,
            "POST",
            "/auth/register",
            json={"email": email, "password": PASSWORD, "full_name": "Simulated Buyer"},
        )
        form = {"username": email, "password": PASSWORD, "grant_type": "password"}
        token = self._call(client, "POST", "/auth/token", data=form)
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._say(f"signed in as {email}")

    def _choose(self, client: httpx2.Client, product_id: str) -> dict[str, Any]:
        if product_id:
            product = self._call(client, "GET", f"/products/{product_id}")
        else:
            page = self._call(
                client, "GET", "/products", params={"in_stock": "true", "condition": "new", "page_size": 20}
            )
            page = page if page["results"] else self._call(client, "GET", "/products", params={"in_stock": "true"})
            if not page["results"]:
                raise CommandError("nothing is in stock: run `manage.py seed_demo` or import a price list")
            product = page["results"][0]
        self._say(f"chose {product['name']}: {product['price']} {product['currency']}, {product['available']} left")
        chosen: dict[str, Any] = product
        return chosen

    def _watch(self, client: httpx2.Client, order_id: str, options: dict[str, Any]) -> str:
        """Follow the order on its socket from the first change on, until it stands still."""
        ticket = self._call(client, "POST", "/auth/ws-ticket")["ticket"]
        address = f"{options['url'].replace('http', 'ws', 1)}/ws/orders/{order_id}/?ticket={ticket}&since=0"
        deadline = time.monotonic() + options["timeout"]
        with connect(address, open_timeout=10) as socket:
            while True:
                message = json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic())))
                if message["type"] != "order.status":
                    continue
                reason = f" ({message['reason']})" if message["reason"] else ""
                self._say(f"socket: seq {message['seq']} {message['previous'] or '-'} -> {message['status']}{reason}")
                if message["status"] in FINAL:
                    status: str = message["status"]
                    return status

    def _print_end(self, client: httpx2.Client, order_id: str) -> None:
        order = self._call(client, "GET", f"/orders/{order_id}")
        self._say(
            f"order {order['number']}: paid {order['amount_paid']}, due {order['amount_due']} {order['currency']}"
        )
        if order["saga"]["failure"]:
            self._say(f"reason: {order['saga']['failure']['detail']}")
        for payment in self._call(client, "GET", "/payments", params={"order_id": order_id})["results"]:
            self._say(f"payment {payment['status']}: {payment['amount']} {payment['currency']}")

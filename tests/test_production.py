"""Run production's topology from nothing, sell in it while every part of it restarts once, and attack its door.

AUTOSALON_LAYOUT_SECONDS=600 lets the buyers buy for that long at least.
"""

import json
import os
import re
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module

import httpx2
import pytest
from django.conf import settings
from django.urls import reverse
from websockets.sync.client import connect

from config.databases import APPS
from core.ids import uuid7
from tests.chaos.audit import audit, mark
from tests.product import ROOT
from tests.topology import APART, BEHIND, GROUPS, HOST, NGINX, ROLES, WEBS, Topology

pytestmark = pytest.mark.proof

SECONDS = float(os.environ.get("AUTOSALON_LAYOUT_SECONDS") or 30)
EVERY_S = 0.5 if "AUTOSALON_LAYOUT_SECONDS" in os.environ else 2
"""Two purchases a second by `make layout`; in `make proof` other fleets want the same cores."""
AWAY = {502, 503, 504}
LATER = {"product_not_ready", "idempotency_key_in_use", "order_not_ready"}
CARD = {"method": "card", "token": "tok_success"}
SECRET = "never-in-a-log-4711"
DRIPPERS = 16
NEEDS = {
    "admin:catalog_product_photos": {"object_id": uuid7()},
    "catalog:product-images": {"pk": uuid7()},
    "financing:financing-application-documents": {"pk": uuid7()},
    "insurance:insurance-claim-documents": {"pk": uuid7()},
    "storefront:add-papers": {"claim_id": uuid7()},
    "storefront:loan-papers": {"application_id": uuid7()},
}
"""Ids in the addresses that take files."""


class Buyers:
    """A purchase every so often: in one step, or ordered first and paid at the payments' own prefix."""

    def __init__(self, shop, car):
        self.shop, self.car = shop, car
        self.stopping = threading.Event()
        self.bought: list[Future] = []
        self.wrong: list = []
        self.away = 0
        self.pool = ThreadPoolExecutor(64)
        self.pacer = threading.Thread(target=self._pace, daemon=True)

    def _pace(self):
        due = time.monotonic()
        while not self.stopping.wait(max(0, due - time.monotonic())):
            self.bought.append(self.pool.submit(self._buy, len(self.bought)))
            due += EVERY_S

    def _buy(self, number):
        token = self.shop.token()
        body = {"items": [{"product_id": self.car, "quantity": 1}]} | ({"payment": CARD} if number % 2 else {})
        order_id = self._insist("/orders", token, body)["id"]
        if number % 2 == 0:
            self._insist("/payments", token, {"order_id": order_id} | CARD)
        return order_id, token

    def _insist(self, path, token, body):
        key, deadline = str(uuid7()), time.monotonic() + 90
        while time.monotonic() < deadline:
            begun = time.monotonic()
            try:
                answer = self.shop.post(path, token, body, key)
            except httpx2.HTTPError as error:
                self._record_away(begun, path, repr(error), excused=True)
            else:
                if answer.status_code == 201:
                    return answer.json()
                if answer.status_code >= 500:
                    self._record_away(begun, path, answer.text[:300], excused=answer.status_code in AWAY)
                elif answer.json()["code"] not in LATER:
                    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
            self.stopping.wait(0.3) or time.sleep(0.3)
        raise AssertionError(f"{path} was not answered in 90 s")

    def _record_away(self, begun, path, said, *, excused):
        self.away += 1
        if not (excused and self.shop.was_down(begun, time.monotonic())):
            self.wrong.append((path, said))


@pytest.fixture
def shop():
    if NGINX is None:
        pytest.skip("nginx is not installed here")
    shop = Topology(ROOT / ".data" / f"production-{os.getpid()}")
    try:
        yield shop.start()
    finally:
        shop.stop()


@pytest.mark.timeout(900 + SECONDS)
def test_production_sells_on_while_every_part_of_it_restarts_and_its_door_is_attacked(shop, capfd):
    since, car = mark(shop), shop.new_vehicle(stock=100_000)
    attack_the_door(shop)
    buyers, begun = Buyers(shop, car), time.monotonic()
    with dripping_bodies(shop):
        buyers.pacer.start()
        restart_everything(shop)
        shop.wait(lambda: time.monotonic() - begun > SECONDS, SECONDS, "time stands still")
        health = shop.ask("GET", "/health")
    took_s = time.monotonic() - begun
    buyers.stopping.set()
    shop.wait(lambda: all(one.done() for one in buyers.bought), 120, "buyers wait for ever")
    orders = [one.result() for one in buyers.bought]
    shop.settle(180)
    with capfd.disabled():
        print(f"\n{len(orders)} purchases in {took_s:.0f} s, {buyers.away} answers of what was down", flush=True)
    assert health.status_code == 200
    assert len(orders) > took_s / EVERY_S * 0.8
    assert buyers.wrong == []
    assert shop.restarts == {}, f"what nobody stopped died, and said last:\n{last_words(shop)}"
    nothing_is_lost_or_doubled(shop, car, orders)
    assert audit(shop, since) == []
    ticket = a_purchase_is_followed_live(shop, car)
    nothing_secret_is_logged(shop, [ticket, *(token.split(".")[2] for _, token in orders)])


def last_words(shop):
    return "\n".join((shop.folder / "logs" / f"{role}.log").read_text()[-20_000:] for role in shop.restarts)


def restart_everything(shop):
    for role in (*WEBS, "live", "edge"):
        shop.restart(role)
    for kind in BEHIND:
        shop.restart(*(f"{kind}-{group}" for group in GROUPS))
    for group in GROUPS:
        shop.fail_over(group)
    shop.lose_valkey()


def nothing_is_lost_or_doubled(shop, car, orders):
    ids = [order_id for order_id, _ in orders]
    assert len(set(ids)) == len(ids)
    placed = shop.rows("orders", "SELECT id::text, status FROM orders_order")
    assert sorted(placed) == sorted((order_id, "paid") for order_id in ids)
    for order_id in ids:
        assert shop.charges(order_id) == [("charge", "succeeded")], order_id
    assert shop.comes_to(car, 100_000 - len(ids), 100_000 - len(ids))
    paid_at_its_own_door = shop.folder / "logs" / "web-payments.log"
    assert '"/api/v1/payments"' in paid_at_its_own_door.read_text()


def a_purchase_is_followed_live(shop, car):
    """Through the door to `live`, by a ticket that stands in the address once."""
    token = shop.token()
    placed = shop.post("/orders", token, {"items": [{"product_id": car, "quantity": 1}], "payment": CARD})
    ticket = shop.post("/auth/ws-ticket", token, {}).json()["ticket"]
    address = f"ws://127.0.0.1:{shop.port}/ws/orders/{placed.json()['id']}/?ticket={ticket}&since=0"
    with connect(address, additional_headers={"X-Forwarded-Proto": "https"}) as live:
        deadline = time.monotonic() + 30
        while '"paid"' not in live.recv(timeout=max(0.1, deadline - time.monotonic())):
            pass
    return ticket


# The door -----------------------------------------------------------------------------------------------------------
def attack_the_door(shop):
    callers_are_told_apart_whatever_they_say(shop)
    what_is_inside_stays_inside(shop)
    bodies_have_limits(shop)
    headers_cannot_be_injected(shop)


def callers_are_told_apart_whatever_they_say(shop):
    """Ten sign-ins a minute from one address, forged ones or not; a neighbour is not held to them."""

    def sign_in(caller, forged):
        return shop.ask(
            "POST", "/api/v1/auth/token", caller=caller, headers={"X-Forwarded-For": forged},
            data={"username": f"{uuid7().hex}@example.com", "password": SECRET},
        ).status_code  # fmt: skip

    answers = [sign_in("127.0.0.5", f"10.1.2.{number}") for number in range(13)]
    assert answers == [401] * 10 + [429] * 3
    assert sign_in("127.0.0.6", "127.0.0.5") == 401


def what_is_inside_stays_inside(shop):
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}):
        assert shop.ask("GET", "/metrics", headers=headers).status_code == 404
        assert shop.ask("GET", "/metrics/", headers=headers).status_code == 404
        assert set(shop.ask("GET", "/health/ready", headers=headers).json()) == {"status"}
        for path in ("/internal/v1/log/orders", "//internal/v1/log/orders", "/%69nternal/v1/log/orders"):
            assert shop.ask("POST", path, headers=headers, json={"after": 0, "types": []}).status_code == 404, path
    direct = httpx2.get(f"http://127.0.0.1:{shop.ports['web']}/metrics", headers={"Host": HOST})
    assert (direct.status_code, "http_requests_total" in direct.text) == (200, True)


def bodies_have_limits(shop):
    token = shop.token()
    large = shop.ask("POST", "/api/v1/orders", token=token, content=b'{"x":' + b'"%s"}' % (b"a" * 3_000_000))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large"), large.text
    limited = shop.ask("POST", "/api/v1/imports", token=token, files={"file": ("cars.csv", b"a" * 3_000_000)})
    assert limited.status_code == 403, "a client sends no price lists, and is told so"
    announced = say(shop, "POST /sign-in/ HTTP/1.1", "Content-Length: 300000000")
    assert announced.startswith("HTTP/1.1 413"), announced[:200]
    both = say(
        shop, "POST /api/v1/orders HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    )
    assert both.startswith("HTTP/1.1 400"), both[:200]


def headers_cannot_be_injected(shop):
    for path in ("/%0d%0aX-Evil:1", "/sign-in/?next=/%0d%0aX-Evil:1", "/language/?next=//evil.example"):
        answer = shop.ask("GET", path)
        assert "x-evil" not in answer.headers
        assert "evil.example" not in answer.headers.get("location", "")
    odd = shop.ask("GET", "/api/v1/products", headers={"X-Request-ID": '"}{"event":"forged' + "x" * 300})
    assert "forged" not in odd.headers["x-request-id"]
    for host in ("evil.example", f"{HOST}.evil.example", f"{HOST}@evil.example"):
        answer = shop.ask("GET", "/", headers={"Host": host, "X-Forwarded-Host": HOST})
        assert answer.status_code == 400, host
    reset = shop.ask("GET", f"/reset-password/?token={SECRET}", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in reset.text
    assert "evil.example" not in str(reset.headers)


def say(shop, *lines, body=""):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=20) as raw:
        raw.sendall("\r\n".join([lines[0], f"Host: {HOST}", *lines[1:], "Connection: close", "", body]).encode())
        return raw.recv(65_536).decode()


class dripping_bodies:
    """Sixteen sign-ins that say a byte a second of what they announced, for as long as the block lasts."""

    def __init__(self, shop):
        self.shop, self.over = shop, threading.Event()
        self.threads = [threading.Thread(target=self._drip, daemon=True) for _ in range(DRIPPERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join(10)

    def _drip(self):
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.shop.port), timeout=20) as raw:
                    head = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\n"
                    raw.sendall(head.encode())
                    while not self.over.wait(1):
                        raw.sendall(b"x")
            except OSError:
                self.over.wait(0.2)


def nothing_secret_is_logged(shop, tokens):
    secrets = [SECRET, shop.secret, shop.webhook_secret, *tokens]
    logs = sorted((shop.folder / "logs").glob("*.log"))
    assert {f"{role}.log" for role in (*ROLES, "edge")} <= {log.name for log in logs}
    for log in logs:
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name
    lines = [json.loads(line) for line in (shop.folder / "logs" / "edge.log").read_text().splitlines()]
    assert all(line["event"] == "request" for line in lines)


# The files ----------------------------------------------------------------------------------------------------------
def test_files_are_taken_where_the_product_takes_them_and_nowhere_else():
    conf = (ROOT / "deploy/nginx.conf").read_text()
    ((pattern, limit),) = re.findall(r"location ~ (\S+) \{\s+client_max_body_size (\w+);", conf)
    assert (limit, f"client_max_body_size {settings.MAX_BODY_BYTES >> 20}m;" in conf) == ("256m", True)
    for name in settings.UPLOADS:
        assert re.match(pattern, reverse(name, kwargs=NEEDS.get(name))), name
    for path in (
        "/",
        "/sign-in/",
        "/api/v1/orders",
        "/api/v1/products",
        "/admin/login/",
        f"/insurance/{uuid7()}/claim/",
    ):
        assert not re.match(pattern, path), path


@pytest.mark.parametrize("app", APPS)
def test_the_prefixes_of_apps_apart_are_theirs_alone(app):
    """Whatever deploy/split.conf sends to a machine is answered by its app, and nothing else of that app."""
    conf = (ROOT / "deploy/split.conf").read_text()
    places = re.findall(r"location ~ (\S+) \{[^}]*?proxy_pass http://(\w+):8000;", conf)
    assert len(places) == conf.count("location ~")
    for path in list_paths(f"{app}.api.urls"):
        (target,) = [target for pattern, target in places if re.match(pattern, path)] or ["web"]
        assert target == (app if app in APART else "web"), path


def list_paths(module):
    """Every path of an app's API, up to its first id."""
    for pattern in import_module(module).urlpatterns:
        yield "/api/v1/" + re.split(r"[(]|/[?][$]", str(pattern.pattern).lstrip("^"))[0]

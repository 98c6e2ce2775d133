"""Purchases through groups of processes with the databases of their own apps alone, and what is refused at start."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx2
import psycopg
import pytest

import financing.tests.make
from config import books
from config.databases import APPS
from core.ids import uuid7
from core.testing import token_for
from devtools.supervisor import Child, Program
from insurance.tests.make import OSAGO
from tests.layouts import Split, database_url
from tests.product import ROOT, free_port, wait_for

pytestmark = pytest.mark.proof

SPLIT = (
    ("payments",),
    ("orders", "catalog"),
    ("accounts", "financing", "insurance", "clients", "showroom", "resources", "notifications"),
)
CARS = 10
OUTAGE_S = 4
DUMMY = "django.core.mail.backends.dummy.EmailBackend"
ID = re.compile(r"\{\w+\}")
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def shop(settings, tmp_path, monkeypatch):
    """The product in three groups, and the sandbox that takes the money."""
    settings.SANDBOX_URL = f"http://127.0.0.1:{free_port()}"
    split = Split(*SPLIT, AUTOSALON_SANDBOX_URL=settings.SANDBOX_URL, AUTOSALON_EMAIL_BACKEND=DUMMY)
    payments = split.of("payments")
    env = payments.env | {
        "AUTOSALON_DEBUG": "on",
        "AUTOSALON_PEERS": "",
        "AUTOSALON_PUBLIC_URL": f"http://127.0.0.1:{payments.port}",
    }
    monkeypatch.chdir(ROOT)
    sandbox = Child(Program("sandbox", (sys.executable, "manage.py", "run_sandbox")), tmp_path, env)
    sandbox.start()
    try:
        with split:
            yield split
    finally:
        sandbox.kill_group()
        sandbox.process.wait()


def call(split, app, method, path, token, body=None, **headers):
    sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return split.of(app).http.request(method, path, json=body, headers=sent)


def new_car(split):
    body = {
        "sku": f"S-{uuid7()}", "name": "Lada Vesta", "kind": "vehicle", "price": "1500000.00", "stock": CARS + 1,
        "make": "Lada", "model": "Vesta", "year": 2026, "condition": "new", "mileage": 0,
    }  # fmt: skip
    created = call(split, "catalog", "POST", "/products", token_for(None, "manager"), body)
    assert created.status_code == 201, created.text
    return created.json()["id"]


def order(split, buyer, car, **more):
    """Place an order; waits while orders has not heard of the car."""
    body = {"items": [{"product_id": car, "quantity": 1}]} | more
    key = str(uuid7())

    def attempt():
        answer = call(split, "orders", "POST", "/orders", buyer, body, Idempotency_Key=key)
        waits = answer.status_code == 409 and answer.json()["code"] == "product_not_ready"
        return None if waits else answer

    return wait_for(attempt, 30, "orders never heard of the car")


def buy(split, car, number):
    """Buy a car by card: in the order's own step, or in a second one at the payments' own address."""
    buyer = token_for()
    placed = order(split, buyer, car, **({"payment": CARD} if number % 2 else {}))
    assert placed.status_code == 201, placed.text
    order_id = placed.json()["id"]
    if number % 2 == 0:
        pay(split, buyer, order_id)
    return order_id, buyer


def pay(split, buyer, order_id):
    """Pay an order once payments has heard that it may be paid, and is there to hear it."""
    key = str(uuid7())

    def attempt():
        try:
            body = {"order_id": order_id} | CARD
            paid = call(split, "payments", "POST", "/payments", buyer, body, Idempotency_Key=key)
        except httpx2.HTTPError:
            return None
        return paid if paid.status_code == 201 else None

    wait_for(attempt, 60, f"order {order_id} cannot be paid")


def is_paid(split, order_id, buyer):
    return call(split, "orders", "GET", f"/orders/{order_id}", buyer).json()["status"] == "paid"


@pytest.mark.django_db(databases=list(APPS), transaction=True)
@pytest.mark.timeout(300)
def test_cars_are_bought_across_machines_and_an_outage_of_one_loses_nothing(shop):
    nobody_reaches_anothers_database(shop)
    car = new_car(shop)
    with ThreadPoolExecutor(CARS) as pool:
        bought = [pool.submit(buy, shop, car, number) for number in range(CARS)]
        wait_for(lambda: any(one.done() for one in bought), 60, "nobody could buy")
        shop.of("payments").stop()
        time_of_outage = time.monotonic()
        wait_for(lambda: time.monotonic() - time_of_outage > OUTAGE_S, 30, "time stands still")
        shop.of("payments").start()
        orders = [one.result() for one in bought]
    wait_for(lambda: all(is_paid(shop, *one) for one in orders), 60, "not all orders are paid")
    assert len(orders) == CARS
    ask_across(shop, car)
    assert books.wait_until_quiet(30) == 0
    assert {name: list(check()) for name, check in books.CHECKS.items() if list(check())} == {}
    nothing_fails(shop)


def nobody_reaches_anothers_database(shop):
    for group in shop.groups:
        for app in set(APPS) - set(group.apps):
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(database_url(app, group.name))


def ask_across(shop, car):
    """Ask across machines what orders needs of insurance, financing and accounts."""
    programme = financing.tests.make.programme()
    buyer = token_for()
    policy = OSAGO | {"vehicle_year": 2026}  # the car is new
    deal = {
        "items": [{"product_id": car, "quantity": 1}],
        "financing": {"term_months": 36, "down_payment": "500000.00"},
        "insurance": [policy],
    }
    quoted = call(shop, "orders", "POST", "/orders/deal-quote", buyer, deal)
    assert quoted.status_code == 201, quoted.text
    assert UUID(quoted.json()["programme"]["programme_id"]) == programme.id
    wrong = order(shop, buyer, car, insurance=[policy | {"vehicle_vin": "?"}])
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "invalid_vin"), wrong.text
    cheap = order(shop, buyer, car, insurance=[policy], expected_total="1.00")
    assert (cheap.status_code, cheap.json()["code"]) == (409, "price_changed"), cheap.text


def nothing_fails(shop):
    """No page of any group needs a database that is elsewhere, and no process ever asked for one."""
    for group in shop.groups:
        document = httpx2.get(f"http://127.0.0.1:{group.port}/api/schema/?format=json", timeout=60).json()
        readable = [path for path, item in document["paths"].items() if "get" in item]
        assert len(readable) > len(group.apps)
        headers = {"Authorization": f"Bearer {token_for(None, 'admin', 'manager')}"}
        for path in readable:
            address = f"http://127.0.0.1:{group.port}{ID.sub(str(uuid7()), path)}"
            answer = group.http.get(address, headers=headers)
            assert answer.status_code < 500, (address, answer.text)
        for role in group.running:
            assert "ConnectionDoesNotExist" not in group.read_log(role)
        nowhere = httpx2.get(f"http://127.0.0.1:{group.port}/")
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
        assert "AUTOSALON_SERVICES=storefront" in nowhere.json()["detail"]

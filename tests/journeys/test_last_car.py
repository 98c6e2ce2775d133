"""Many buyers for one car over HTTP, while holds on it run out and a manager counts it in and out.

AUTOSALON_LAST_CAR_BUYERS says how many: 200 take forty seconds on two busy cores.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.ids import uuid7
from tests.product import wait_for

BUYERS = int(os.environ.get("AUTOSALON_LAST_CAR_BUYERS", "200"))
AT_ONCE = min(BUYERS, 40)
INSISTING = max(8, BUYERS // 5)
pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]
"""On a busy machine the product alone may take minutes to start."""


@pytest.fixture(scope="module")
def manager(product):
    return product.token(None, "manager")


def order(product, lines, token, **more):
    body = {"items": [{"product_id": one, "quantity": quantity} for one, quantity in lines]} | more
    headers = {"Idempotency-Key": str(uuid7())}
    return product.call("POST", "/orders", token=token, json=body, headers=headers, timeout=120)


def known(product, vehicle, token):
    """Wait until orders has heard of the vehicle: an order for none of it is refused for its quantity alone."""
    wait_for(
        lambda: (
            order(product, [(vehicle, 0)], token).status_code == 400
            and order(product, [(vehicle, 1000)], token).json()["code"] != "product_not_ready"
        ),
        60,
        "orders never heard of the vehicle",
    )


def parallel(work, tokens):
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(work, tokens))


def outcome(product, answers, tokens):
    """(paid orders, codes of those refused at once or by their checkout)."""
    placed = [(answer.json()["id"], token) for answer, token in zip(answers, tokens, strict=True) if answer.is_success]
    codes = [answer.json()["code"] for answer in answers if not answer.is_success]
    ended = [product.ended(order_id, token, seconds=180) for order_id, token in placed]
    codes += [one["saga"]["failure"]["code"] for one in ended if one["status"] != "paid"]
    return [one for one in ended if one["status"] == "paid"], codes


def test_many_buyers_for_one_car(product, manager):
    vehicle = product.new_vehicle()
    tokens = [product.token() for _ in range(BUYERS)]
    known(product, vehicle, tokens[0])
    over = threading.Event()
    counted = []

    def count_in_and_out():
        while not over.is_set():
            for delta in (1, -1):
                answer = product.call(
                    "POST", f"/products/{vehicle}/stock", token=manager, json={"delta": delta, "reason": "a recount"}
                )
                counted.append((delta, answer.status_code))
                if answer.status_code != 200:
                    return  # a buyer holds the unit just counted in, or a second person has to agree that it goes

    clerk = threading.Thread(target=count_in_and_out)

    def buy(token):
        # two lines for one product: their demand is one
        return order(product, [(vehicle, 1)], token, payment={"method": "card", "token": "tok_success"})

    clerk.start()
    answers = parallel(buy, tokens)
    over.set()
    clerk.join()
    paid, codes = outcome(product, answers, tokens)
    extra = sum(delta for delta, status in counted if status == 200)
    assert {status for _, status in counted} <= {200, 202, 409}
    assert len(paid) == 1 + extra
    assert codes == ["insufficient_stock"] * (BUYERS - len(paid))
    assert product.comes_to(vehicle, stock=0, available=0)


def test_two_lines_for_one_product_are_one_demand(product):
    vehicle = product.new_vehicle(stock=3)
    tokens = [product.token() for _ in range(max(8, BUYERS // 10))]
    known(product, vehicle, tokens[0])

    def buy(token):
        lines = [(vehicle, 1), (vehicle, 1)]
        return order(product, lines, token, payment={"method": "card", "token": "tok_success"})

    paid, codes = outcome(product, parallel(buy, tokens), tokens)
    assert len(paid) == 1
    assert set(codes) == {"insufficient_stock"}
    assert product.comes_to(vehicle, stock=1, available=1)


HOLD = """
from datetime import timedelta
from uuid import UUID
from catalog import services
from catalog.services.stock import MIN_HOLD
from core.db import database_now
from core.ids import uuid7
now = database_now("catalog")
asked_at = now - MIN_HOLD + timedelta(seconds=10)
services.reserve_stock(
    order_id=uuid7(), attempt_id=uuid7(), lines=[(UUID("{vehicle}"), 1)], expires_at=now, now=asked_at
)
"""
"""Somebody's hold that has ten seconds left."""


def test_a_hold_runs_out_while_everybody_waits_for_it(product):
    vehicle = product.new_vehicle()
    tokens = [product.token() for _ in range(INSISTING)]
    known(product, vehicle, tokens[0])
    held = product.manage("shell", "-c", HOLD.format(vehicle=vehicle))
    assert held.returncode == 0, held.stderr
    assert product.http.get(f"/products/{vehicle}").json()["available"] == 0
    sold = threading.Event()

    def insist(token):
        """Order again and again until somebody, or nobody else, has the car."""
        while not sold.is_set():
            answer = order(product, [(vehicle, 1)], token, payment={"method": "card", "token": "tok_success"})
            if answer.is_success and product.ended(answer.json()["id"], token, seconds=120)["status"] == "paid":
                sold.set()
                return 1
            assert answer.is_success or answer.json()["code"] in ("insufficient_stock", "too_many_requests"), (
                answer.text
            )
            sold.wait(0.5)
        return 0

    assert sum(parallel(insist, tokens)) == 1
    assert product.comes_to(vehicle, stock=0, available=0)


def test_the_books_are_clean_after_all_that(product):
    done = product.manage("check_books", "--json", "--wait", "60")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["clean"] is True

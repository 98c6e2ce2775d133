"""The first purchase, through real processes: it succeeds, it is refused, it survives its worker."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from websockets.sync.client import connect

from tests.product import kill, wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]


def test_a_newcomer_buys_a_car(product):
    done = product.manage("simulate_purchase")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "awaiting_payment -> paid" in done.stdout
    assert done.stdout.rstrip().endswith("done: paid")


def test_a_declined_card_gives_the_car_back_and_says_so(product):
    vehicle = product.new_vehicle()
    token = product.token()
    placed = product.buy(vehicle, token, card="tok_declined")
    assert placed.status_code == 201, placed.text
    order = product.ended(placed.json()["id"], token)
    assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "declined")
    assert product.http.get(f"/products/{vehicle}").json()["available"] == 1


def test_the_socket_tells_each_step(product):
    token = product.token()
    placed = product.buy(product.new_vehicle(), token).json()
    address = f"ws://127.0.0.1:{product.port}/ws/orders/{placed['id']}/?since=0"
    with connect(address, subprotocols=["bearer", token]) as socket:
        heard = [json.loads(socket.recv(timeout=30)) for _ in range(3)]
    assert [(one["seq"], one["status"]) for one in heard] == [(1, "created"), (2, "awaiting_payment"), (3, "paid")]


def test_fifty_buyers_for_the_last_car(product):
    vehicle = product.new_vehicle()
    tokens = [product.token() for _ in range(50)]
    first = product.buy(vehicle, tokens[0])
    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = [first, *pool.map(lambda token: product.buy(vehicle, token), tokens[1:])]
    placed = [(answer.json()["id"], token) for answer, token in zip(answers, tokens, strict=True) if answer.is_success]
    refused = [answer.json() for answer in answers if not answer.is_success]
    assert all(one["code"] == "insufficient_stock" for one in refused), refused
    orders = [product.ended(order_id, token) for order_id, token in placed]
    paid = [order for order in orders if order["status"] == "paid"]
    told = [order["saga"]["failure"]["code"] for order in orders if order["status"] == "cancelled"]
    assert len(paid) == 1
    assert len(told) + len(refused) == 49
    assert set(told) <= {"insufficient_stock"}
    assert product.comes_to(vehicle, stock=0, available=0)


def test_a_purchase_survives_the_death_of_its_workers(product):
    tokens = [product.token() for _ in range(6)]
    vehicles = [product.new_vehicle() for _ in tokens]
    placed = [product.buy(vehicle, token).json()["id"] for vehicle, token in zip(vehicles, tokens, strict=True)]
    kill(product.pids("worker") + product.pids("external"))
    for order_id, token in zip(placed, tokens, strict=True):
        assert product.ended(order_id, token, seconds=90)["status"] == "paid"


def test_a_killed_web_process_comes_back_and_forgets_nothing(product):
    token = product.token()
    placed = product.buy(product.new_vehicle(), token).json()
    kill(product.pids("web"))
    wait_for(lambda: _answers(product), 60, "the web process does not come back")
    assert product.ended(placed["id"], token)["status"] == "paid"


def _answers(product):
    try:
        return product.http.get("/products", params={"page_size": 1}).is_success
    except httpx2.HTTPError:
        return False


def test_afterwards_the_books_are_clean(product):
    done = product.manage("check_books", "--json", "--wait", "60")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["clean"] is True
    assert report["under_way"] == 0
    assert product.manage("parked_deliveries").returncode == 0

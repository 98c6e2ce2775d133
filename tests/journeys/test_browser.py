"""What a buyer and a manager see in a real browser: orders move by themselves, and come right after every outage."""

import pytest

from core.ids import uuid7
from tests.journeys.browser import opened
from tests.product import kill, wait_for

pytestmark = pytest.mark.timeout(240)
LIVE = "[data-feed-state][data-state=live]"
STALE = "[data-feed-state][data-state=reconnecting]"


def base_of(product):
    return f"http://127.0.0.1:{product.port}"


def known_vehicle(product):
    """A vehicle that orders has heard of, so that the page's first try to buy it succeeds."""
    vehicle = product.new_vehicle()
    token = product.token()
    body = {"items": [{"product_id": vehicle, "quantity": 1}], "expected_total": "1.00"}

    def is_known():
        code = product.call("POST", "/orders", token=token, json=body).json()["code"]
        return code == "price_changed"

    wait_for(is_known, 30, "orders never heard of the product")
    return vehicle


def confirm_cash(product, order_id):
    manager = product.token(None, "manager")

    def payment():
        found = product.call("GET", "/payments", token=manager, params={"order_id": order_id}).json()["results"]
        return found[0]["id"] if found else None

    payment_id = wait_for(payment, 30, "no payment to confirm")
    answer = product.call(
        "POST", f"/payments/{payment_id}/capture", token=manager, headers={"Idempotency-Key": str(uuid7())}
    )
    assert answer.is_success, answer.text


def move(product, order_id, status):
    answer = product.call(
        "PUT", f"/orders/{order_id}/status", token=product.token(None, "manager"), json={"status": status}
    )
    assert answer.is_success, answer.text


def is_up(product):
    try:
        return product.http.get("/products", params={"page_size": 1}).is_success
    except Exception:
        return False


def test_an_order_page_follows_its_order_through_an_outage_without_reload(product):
    vehicle = known_vehicle(product)
    with opened(base_of(product)) as page:
        page.sign_in("client@example.com", f"/cars/{vehicle}/")
        page.tab.check("input[name=method][value=cash]")
        page.tab.click("button:has-text('Buy this car')")
        page.tab.wait_for_url("**/orders/*/")
        order_id = page.tab.url.rstrip("/").rpartition("/")[2]
        page.mark()
        page.tab.wait_for_selector(LIVE, timeout=30_000)
        page.tab.wait_for_selector("h1 + .tag:has-text('Awaiting payment')", timeout=30_000)

        confirm_cash(product, order_id)
        page.tab.wait_for_selector("h1 + .tag:has-text('Paid')", timeout=30_000)
        assert page.is_marked(), "the page was reloaded"

        kill(product.pids("web"))
        page.tab.wait_for_selector(STALE, timeout=15_000)
        assert "out of date" in page.tab.inner_text(STALE)
        wait_for(lambda: is_up(product), 60, "the web process does not come back")
        move(product, order_id, "in_progress")
        page.tab.wait_for_selector("h1 + .tag:has-text('Being prepared')", timeout=30_000)
        page.tab.wait_for_selector(LIVE, timeout=30_000)

        page.tab.context.set_offline(True)
        page.tab.wait_for_selector(STALE, timeout=15_000)
        move(product, order_id, "ready")
        page.tab.context.set_offline(False)
        page.tab.wait_for_selector("h1 + .tag:has-text('Ready for handover')", timeout=30_000)
        page.tab.wait_for_selector(LIVE, timeout=30_000)
        assert page.is_marked(), "the page was reloaded"
        assert page.faults() == []

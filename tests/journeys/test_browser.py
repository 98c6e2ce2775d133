"""Look at what a buyer and a manager see in a real browser: orders move by themselves, and come right after outages."""

from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError

from core.ids import uuid7
from tests.journeys.browser import opened
from tests.product import kill, wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
LIVE = "[data-feed-state][data-state=live]"
STALE = "[data-feed-state][data-state=reconnecting]"
IS_FOCUSED = "selector => document.activeElement === document.querySelector(selector)"
DRAGGED_FOR_EVER = """card => {
  card.dispatchEvent(new DragEvent("dragstart", { bubbles: true, dataTransfer: new DataTransfer() }));
}"""
DRAWN_ANEW = """() => {
  window.before = document.querySelector("[data-feed-part]");
  window.before.dataset.stamp = "";
  document.querySelector("[data-feed]").dispatchEvent(new CustomEvent("feed:refresh"));
}"""


def get_base_url(product):
    return f"http://127.0.0.1:{product.port}"


def known_vehicle(product):
    """A vehicle that orders has heard of, so that the page's first try to buy it succeeds."""
    vehicle = product.new_vehicle()
    token = product.token()
    body = {"items": [{"product_id": vehicle, "quantity": 1}], "expected_total": "1.00"}

    def is_known():
        code = product.call("POST", "/orders", token=token, json=body).json()["code"]
        return code == "price_changed"

    wait_for(is_known, 120, "orders never heard of the product")  # a fresh start tells it of the whole price list first
    return vehicle


def confirm_cash(product, order_id):
    manager = product.token(None, "manager")

    def payment():
        found = product.call("GET", "/payments", token=manager, params={"order_id": order_id}).json()["results"]
        return found[0]["id"] if found else None

    payment_id = wait_for(payment, 90, "no payment to confirm")
    answer = product.call(
        "POST", f"/payments/{payment_id}/capture", token=manager, headers={"Idempotency-Key": str(uuid7())}
    )
    product.agree(answer)


def move(product, order_id, status):
    answer = product.call(
        "PUT", f"/orders/{order_id}/status", token=product.token(None, "manager"), json={"status": status}
    )
    assert answer.is_success, answer.text


def agree_to_what_waits(product, order_id):
    """Let a second manager agree to the one request about an order; False while there is none."""
    manager = product.token(None, "manager")
    waiting = product.call("GET", "/approvals", token=manager, params={"state": "waiting"}).json()["results"]
    found = [one for one in waiting if one["subject"]["id"] == order_id]
    if found:
        (waiting,) = found
        assert product.call("POST", f"/approvals/{waiting['id']}/approve", token=manager).is_success
    return bool(found)


def is_up(product):
    try:
        return product.http.get("/products", params={"page_size": 1}).is_success
    except Exception:
        return False


def test_an_order_page_follows_its_order_through_an_outage_without_reload(product):
    vehicle = known_vehicle(product)
    with opened(get_base_url(product)) as page:
        page.sign_in("client@example.com", f"/cars/{vehicle}/")
        page.tab.check("input[name=method][value=cash]")
        page.tab.click("button:has-text('Buy this car')")
        page.tab.wait_for_url("**/orders/*/")
        order_id = page.tab.url.rstrip("/").rpartition("/")[2]
        page.mark()
        page.tab.wait_for_selector(LIVE)
        page.tab.wait_for_selector("h1 + .tag:has-text('Awaiting payment')")

        confirm_cash(product, order_id)
        page.tab.wait_for_selector("h1 + .tag:has-text('Paid')")
        assert page.is_marked(), "the page was reloaded"

        kill(product.pids("web"))
        page.tab.wait_for_selector(STALE)
        assert "out of date" in page.tab.inner_text(STALE)
        wait_for(lambda: is_up(product), 60, "the web process does not come back")
        move(product, order_id, "in_progress")
        page.tab.wait_for_selector("h1 + .tag:has-text('Being prepared')")
        page.tab.wait_for_selector(LIVE)

        page.tab.context.set_offline(True)
        page.tab.wait_for_selector(STALE)
        move(product, order_id, "ready")
        page.tab.context.set_offline(False)
        page.tab.wait_for_selector("h1 + .tag:has-text('Ready for handover')")
        page.tab.wait_for_selector(LIVE)
        assert page.is_marked(), "the page was reloaded"
        assert page.faults() == []


def paid_order(product):
    token = product.token()
    placed = product.buy(product.new_vehicle(), token).json()
    assert product.ended(placed["id"], token)["status"] == "paid"
    return placed["id"]


def test_a_manager_works_on_the_live_board_by_click_drag_and_key(product):
    with opened(get_base_url(product), viewport={"width": 1600, "height": 1000}) as page:
        page.sign_in("manager@example.com", "/board/")
        page.tab.wait_for_selector(LIVE)
        page.mark()
        order_id = paid_order(product)
        card, where = f"#column-{order_id}", "[data-column={}] [data-card='" + order_id + "']"
        page.tab.wait_for_selector(where.format("paid"))

        stale = "card => { card.querySelector('[name=version]').value = 1; card.querySelector('button').click() }"
        notice = "[data-board-notice]:not([hidden])"

        def be_too_late():
            """As if another manager had been faster; a server that had no time says so, and one clicks again."""
            page.tab.eval_on_selector(card, stale)
            return "Somebody else" in page.tab.wait_for_selector(notice).inner_text()

        wait_for(be_too_late, 90, "nobody is told that somebody else was faster")
        move(product, order_id, "in_progress")
        page.tab.wait_for_selector(where.format("in_progress"))

        def drop_on_ready():
            """As one does by hand: where the board was drawn anew under the pointer, once more."""
            page.tab.drag_and_drop(f"{card} h3", "[data-column=ready] h2")
            with suppress(TimeoutError):  # a card that has arrived must not be dragged on
                return page.tab.wait_for_selector(where.format("ready"), timeout=15_000)

        wait_for(drop_on_ready, 90, "the card is not dropped")

        link = f"{card} h3 a"
        page.tab.eval_on_selector(card, DRAGGED_FOR_EVER)
        page.tab.keyboard.press("Shift")  # a drag whose end the browser has not told is over once a key is heard
        page.tab.focus(link)
        page.tab.evaluate(DRAWN_ANEW)
        page.tab.wait_for_function("part => !part.isConnected", arg=page.tab.evaluate_handle("window.before"))
        assert page.tab.evaluate(IS_FOCUSED, link), "the board was drawn anew, and the key stood elsewhere"

        def reach_the_step():
            """As one does by hand: a key pressed while the browser still lets the dragged card go is not heard."""
            page.tab.focus(card)
            page.tab.keyboard.press("Tab")
            page.tab.keyboard.press("Tab")
            return page.tab.evaluate(IS_FOCUSED, f"#column-completed-{order_id}")

        wait_for(reach_the_step, 90, "Tab does not lead to the step")
        page.tab.keyboard.press("Enter")
        page.tab.wait_for_selector(where.format("ready"), state="detached")
        assert product.order(order_id, product.token(None, "manager"))["status"] == "completed"
        assert page.is_marked(), "the page was reloaded"
        assert page.faults() == []


def test_cancelling_on_the_board_asks_for_a_reason(product):
    with opened(get_base_url(product), viewport={"width": 1600, "height": 1000}) as page:
        order_id = paid_order(product)
        page.sign_in("manager@example.com", "/board/")
        page.tab.wait_for_selector(LIVE)
        page.tab.click(f"#column-cancelled-{order_id}")
        page.tab.fill("#cancel-reason", "The buyer changed their mind")
        page.tab.click("dialog button[value=yes]")
        manager = product.token(None, "manager")
        wait_for(lambda: agree_to_what_waits(product, order_id), 60, "the board asked nobody")
        page.tab.wait_for_selector(f"#column-{order_id}", state="detached")
        told = product.call("GET", f"/orders/{order_id}/timeline", token=manager, params={"page_size": 100}).json()
        assert "The buyer changed their mind" in [row["reason"] for row in told["results"]]
        assert page.faults() == []


def test_news_come_by_themselves_and_are_read_once_for_every_tab(product):
    with opened(get_base_url(product)) as page:
        page.sign_in("client@example.com", "/notifications/")
        page.tab.wait_for_selector(LIVE)
        page.mark()
        who = {"email": "client@example.com", "password": "autosalon-demo"}
        buyer = product.http.post("/auth/login", json=who).json()["access_token"]
        number = product.buy(product.new_vehicle(), buyer).json()["number"]
        page.tab.wait_for_selector(f".news-row.is-unread:has-text('{number}')")
        page.tab.wait_for_selector("#unread")
        for news in product.call("GET", "/notifications", token=buyer, params={"is_read": "false"}).json()["results"]:
            product.call("POST", f"/notifications/{news['id']}/read", token=buyer)
        page.tab.wait_for_selector(f".news-row:not(.is-unread):has-text('{number}')")
        assert page.is_marked(), "the page was reloaded"
        assert page.faults() == []

"""Walk through eight journeys of the shop and four of a manager's day, in both languages, by phone and at a desk.

Every page on the way is held to what all need: it fits, axe finds nothing, no code and nothing of the other language.
Selectors name boxes and addresses, never words, so that one journey walks in both languages.
"""

from contextlib import ExitStack
from decimal import Decimal
from urllib.parse import quote

import pytest

from core.ids import uuid7
from tests.journeys.browser import opened
from tests.journeys.test_browser import get_base_url, known_vehicle, paid_order
from tests.journeys.wizard import NEXT, name_car
from tests.product import wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
WAYS = pytest.mark.parametrize("language", ["ru", "en"])
SIZES = pytest.mark.parametrize(
    "size",
    [{"viewport": {"width": 360, "height": 780}}, {"viewport": {"width": 1366, "height": 900}}],
    ids=["phone", "desk"],
)
PASSWORD = "a long way from home 7"


@pytest.fixture(scope="module")
def kept(product):
    """What the tests of this module share: who is signed in, so that nobody signs in sixty times a minute."""
    return {}


@pytest.fixture
def walk(product, kept, language, size):
    """Open a tab as somebody who is signed in, or as anybody; every page that it steps on is held to what all need."""

    class Walk:
        def __init__(self, page):
            self.page, self.tab = page, page.tab

        def step(self, path=None):
            if path:
                self.page.open(path)
            self.tab.wait_for_load_state()
            self.page.require_fit_to_read()

    faults, stack = [], ExitStack()

    def leave(page):
        faults.extend(page.faults())

    def begin(email=""):
        """Open the tab; the one before is closed."""
        stack.close()
        state = {"storage_state": kept[email]} if email in kept else {}
        page = stack.enter_context(opened(get_base_url(product), language=language, **size, **state))
        stack.callback(leave, page)
        if email and not state:
            page.sign_in(email, "/notifications/")
            kept[email] = page.tab.context.storage_state()
        return Walk(page)

    with stack:
        yield begin
    assert faults == []


def pay_with(tab, token):
    tab.check("input[name=method][value=card]")
    tab.select_option("select[name=token]", token)


def wait_for_order(product, tab, status):
    """Wait until the order of the page has come to a state; its id."""
    tab.wait_for_url("**/orders/*/")
    order_id = tab.url.rstrip("/").rpartition("/")[2]
    manager = product.token(None, "manager")
    wait_for(lambda: product.order(order_id, manager)["status"] == status, 90, f"the order is not {status}")
    return order_id


# The shop ----------------------------------------------------------------------------------------------------------
@WAYS
@SIZES
def test_a_car_is_found_by_filters_and_looked_at(product, walk):
    car = product.new_vehicle()
    name = product.http.get(f"/products/{car}").json()["name"]
    way = walk()
    way.step("/")
    way.step("/cars/")
    way.page.open(f"/cars/?q={quote(name)}&price_min=1&ordering=price")
    way.tab.wait_for_selector("#results .chip")
    way.step()
    assert way.tab.locator(f"#results a[href='/cars/{car}/']").count() > 0
    way.page.open(f"/cars/?q={quote(name)}&price_max=1")
    assert way.tab.locator(f"#results a[href='/cars/{car}/']").count() == 0
    way.step()
    way.step(f"/cars/{car}/")
    way.step("/contacts/")


@WAYS
@SIZES
def test_two_cars_are_compared_and_one_is_kept(product, walk):
    cars = [product.new_vehicle(), product.new_vehicle()]
    way = walk("client@example.com")
    for car in cars:
        way.page.open(f"/cars/{car}/")
        way.tab.click(f"form[action='/compare/{car}/'] button")
    way.page.open(f"/cars/{cars[0]}/")
    way.tab.click(f"form[action='/favourites/{cars[0]}/'] button")
    way.step("/compare/")
    assert way.tab.locator(f"a[href='/cars/{cars[1]}/']").count() > 0
    way.step("/favourites/")
    assert way.tab.locator(f"a[href='/cars/{cars[0]}/']").count() > 0


@WAYS
@SIZES
def test_a_cart_is_ordered_and_paid_by_card(product, walk):
    car = known_vehicle(product)
    way = walk("client@example.com")
    way.page.open(f"/cars/{car}/")
    way.tab.click(f"form[action='/cart/add/{car}/'] button")
    way.step("/cart/")
    pay_with(way.tab, "tok_success")
    way.tab.click("form[action='/cart/checkout/'] button[type=submit]")
    order_id = wait_for_order(product, way.tab, "paid")
    way.step(f"/orders/{order_id}/")
    way.step(f"/orders/{order_id}/documents/")
    way.step("/orders/")


@WAYS
@SIZES
def test_a_declined_card_loses_nothing_and_another_pays(product, walk):
    car = known_vehicle(product)
    way = walk("client@example.com")
    way.step(f"/cars/{car}/")
    pay_with(way.tab, "tok_insufficient_funds")
    way.tab.click(f"form[action='/cars/{car}/buy/'] button[type=submit]")
    way.tab.wait_for_url("**/orders/*/")
    way.tab.wait_for_selector("#pay-button")
    way.step()
    pay_with(way.tab, "tok_success")
    way.tab.click("#pay-button")
    wait_for_order(product, way.tab, "paid")
    way.step()


@WAYS
@SIZES
def test_a_loan_is_reckoned_and_a_deal_kept(product, walk):
    car = known_vehicle(product)
    way = walk("client@example.com")
    way.step("/loan-calculator/")
    way.tab.click("form[data-calculator] button[type=submit]")
    way.step()
    way.step(f"/cars/{car}/deal/")
    way.tab.click("main form button[type=submit].button-wide")
    way.tab.wait_for_url("**/deals/*/")
    way.step()
    way.step("/credit/")


@WAYS
@SIZES
def test_a_policy_is_offered_and_put_into_the_cart(walk):
    way = walk("client@example.com")
    way.step("/insurance/quote/")
    name_car(way.tab, vin=f"XTA210990Y{uuid7().int % 10**7:07d}", power="106")
    way.step()
    way.tab.click(NEXT)
    way.tab.wait_for_selector("[name=insurance_type]")
    way.step()
    way.tab.select_option("[name=insurance_type]", "osago")
    way.tab.click(NEXT)
    way.tab.wait_for_url("**/insurance/quotes/*/")
    way.step()
    quote_id = way.tab.url.rstrip("/").rpartition("/")[2]
    way.tab.click("button[name=do][value=cart] >> nth=0")
    way.tab.wait_for_url("**/cart/")
    drop = f"form[action='/cart/insurance/{quote_id}/'] button"
    way.tab.wait_for_selector(drop)
    way.step()
    way.tab.click(drop)
    way.step("/insurance/")


@WAYS
@SIZES
def test_a_test_drive_is_booked_and_called_off(walk):
    way = walk("client@example.com")
    way.page.open("/test-drives/")
    days = way.tab.eval_on_selector_all("#day option", "found => found.map(one => one.value)")
    way.step(f"/test-drives/?day={days[-1]}")
    way.tab.fill("form[action='/test-drives/book/'] [name=phone]", f"+7 900 {uuid7().int % 10**7:07d}")
    way.tab.check("input[name=start] >> nth=0")
    for box in way.tab.locator("form[action='/test-drives/book/'] input[type=checkbox]").all():
        box.check()
    way.tab.click("form[action='/test-drives/book/'] button[type=submit]")
    way.tab.wait_for_selector("form[action$='/cancel/'] button")
    way.step()
    way.tab.click("form[action$='/cancel/'] button >> nth=0")
    way.step("/test-drives/")


@WAYS
@SIZES
def test_somebody_signs_up_and_chooses_how_to_be_told(walk):
    way = walk()
    way.step("/sign-up/")
    way.tab.fill("main [name=full_name]", "Пётр Journey")
    way.tab.fill("main [name=email]", f"walker{uuid7().int % 10**9}@example.com")
    way.tab.fill("main [name=password]", PASSWORD)
    way.tab.check("main [name=is_agreed]")
    way.tab.click("main button[type=submit]")
    way.tab.wait_for_selector("form[action='/sign-out/']", state="attached")
    way.step("/account/")
    way.step("/notifications/")
    way.step("/notifications/preferences/")


# A manager's day ---------------------------------------------------------------------------------------------------
@WAYS
@SIZES
def test_the_morning_begins_with_figures_and_calendars(walk):
    way = walk("manager@example.com")
    for path in (
        "/admin/",
        "/admin/orders/order/sales-figures/",
        "/admin/showroom/drive/calendar/",
        "/admin/showroom/happening/calendar/",
        "/admin/resources/allocation/calendar/",
        "/admin/financing/loan/portfolio/",
    ):
        way.step(path)


@WAYS
@SIZES
def test_a_question_from_a_cars_page_is_answered_at_the_desk(product, walk):
    car = product.new_vehicle()
    buyer = walk()
    buyer.step(f"/cars/{car}/ask/")
    name = f"Пётр {uuid7().hex[:8]}"
    buyer.tab.fill("main [name=name]", name)
    buyer.tab.fill("main [name=phone]", f"+7 900 {uuid7().int % 10**7:07d}")
    for box in buyer.tab.locator("main form input[type=checkbox]").all():
        box.check()
    buyer.tab.click("main form button[type=submit] >> nth=0")
    manager = walk("manager@example.com")

    def is_there():
        manager.page.open("/admin/clients/lead/")
        return manager.tab.locator(f"#result_list :text('{name}')").count() > 0

    wait_for(is_there, 60, "the desk does not see the question")
    manager.step()
    manager.tab.click(f"#result_list tr:has-text('{name}') a >> nth=0")
    manager.step()


@WAYS
@SIZES
def test_a_person_is_found_and_an_order_made_for_them(product, walk):
    who = {"email": "client@example.com", "password": "autosalon-demo"}
    token = product.http.post("/auth/login", json=who).json()["access_token"]
    order = product.buy(product.new_vehicle(), token).json()
    way = walk("manager@example.com")
    found = way.tab.context.request.get(
        f"{get_base_url(product)}/admin/search/", params={"s": order["number"], "extended": "1"}
    )
    assert order["number"] in found.text()
    way.step(f"/admin/orders/order/?q={order['number']}")
    assert way.tab.locator(f"#result_list a[href*='{order['id']}']").count() > 0
    way.step(f"/admin/orders/order/{order['id']}/change/")
    way.step(f"/admin/orders/order/for/{order['customer_id']}/")
    way.step(f"/orders/{order['id']}/")


@WAYS
@SIZES
def test_a_part_of_a_payment_is_given_back_with_a_reason(product, walk):
    order_id, manager = paid_order(product), product.token(None, "manager")

    def read_payment():
        (found,) = product.call("GET", "/payments", token=manager, params={"order_id": order_id}).json()["results"]
        return found

    way = walk("manager@example.com")
    way.step("/admin/payments/payment/")
    way.step(f"/admin/payments/payment/{read_payment()['id']}/refund-part/")
    way.tab.fill("[name=amount]", "100")
    way.tab.fill("[name=reason]", "Floor mats were not there")
    way.tab.click("#content button[type=submit] >> nth=0")
    way.tab.wait_for_selector("input[name=seen]", state="attached")
    way.step()
    way.tab.click("form:has(input[name=seen]) button[type=submit] >> nth=0")
    wait_for(lambda: Decimal(read_payment()["refunded_amount"]) == 100, 90, "nothing is given back")
    way.step("/admin/payments/payment/")

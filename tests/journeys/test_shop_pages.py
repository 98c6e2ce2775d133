"""Look at the pages in a real browser, on a phone and in both languages: all can read them, forms do as meant."""

import pytest

from core.ids import uuid7
from tests.journeys.browser import opened
from tests.journeys.wizard import NEXT, name_car

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
PHONE = {"viewport": {"width": 360, "height": 780}}
LANGUAGES = pytest.mark.parametrize("language", ["ru", "en"])
DESK = {"viewport": {"width": 1366, "height": 900}}
HIGHEST_HEADER_PX = 64
ANYBODYS = (
    "/",
    "/cars/",
    "/cart/",
    "/compare/",
    "/loan-calculator/",
    "/test-drives/",
    "/events/",
    "/sign-in/",
    "/sign-up/",
)
STAFF = (
    "/board/approvals/",
    "/admin/",
    "/admin/orders/order/",
    "/admin/catalog/product/",
    "/admin/payments/payment/",
    "/admin/clients/client/",
    "/admin/clients/lead/",
    "/admin/financing/application/",
    "/admin/insurance/claim/",
)
OWN = ("/orders/", "/credit/", "/insurance/", "/insurance/quote/", "/favourites/", "/notifications/", "/account/")


def get_base_url(product):
    return f"http://127.0.0.1:{product.port}"


def require_fit(page, path):
    """Open a page and hold it to what all need; its header leaves the screen to the page."""
    page.open(path)
    page.require_fit_to_read()
    height = page.tab.evaluate("document.querySelector('header.top').getBoundingClientRect().height")
    assert height <= HIGHEST_HEADER_PX, f"the header of {path} is {height} px high"


@LANGUAGES
def test_every_page_fits_a_phone(product, language):
    car = product.new_vehicle()
    with opened(get_base_url(product), language=language, **PHONE) as page:
        for path in (*ANYBODYS, f"/cars/{car}/", f"/cars/{car}/deal/"):
            require_fit(page, path)
        page.sign_in("client@example.com", "/orders/")
        for path in OWN:
            require_fit(page, path)
        assert page.faults() == []


@LANGUAGES
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_pages_of_staff_are_for_all_to_read(product, language, size):
    with opened(get_base_url(product), language=language, **size) as page:
        page.sign_in("manager@example.com", "/board/")
        for path in ("/board/", *STAFF):
            page.open(path)
            page.require_fit_to_read()
        assert page.faults() == []


def test_the_menu_opens_and_closes_by_key_and_leads_on(product):
    with opened(get_base_url(product), **PHONE) as page:
        page.open("/")
        link = page.tab.locator("#menu a[href='/test-drives/']")
        assert not link.is_visible()
        page.tab.click(".menu-button")
        assert link.is_visible()
        page.tab.keyboard.press("Escape")
        assert not link.is_visible()
        page.tab.focus(".menu-button")
        page.tab.keyboard.press("Enter")
        link.click()
        page.tab.wait_for_url("**/test-drives/")
        assert page.faults() == []


@LANGUAGES
def test_kasko_of_a_car_on_sale_keeps_its_price(product, language):
    car = product.new_vehicle()
    with opened(get_base_url(product), language=language) as page:
        page.sign_in("client@example.com", f"/insurance/quote/?car={car}")
        name_car(page.tab, vin="XTA210990Y2766389", power="106,5")
        page.tab.click(NEXT)
        page.tab.wait_for_selector("[name=insurance_type]")
        assert not page.tab.locator("[name=coverage_amount]").is_visible()
        page.tab.select_option("[name=insurance_type]", "kasko")
        assert page.tab.input_value("[name=coverage_amount]").replace("\u00a0", "").isdigit()
        page.tab.click(NEXT)
        page.tab.wait_for_url("**/insurance/quotes/*/")
        assert page.faults() == []


@LANGUAGES
def test_enter_in_the_phones_box_books_nothing(product, language):
    with opened(get_base_url(product), language=language) as page:
        page.sign_in("client@example.com", "/test-drives/")
        days = page.tab.eval_on_selector_all("#day option", "found => found.map(one => one.value)")
        page.open(f"/test-drives/?day={days[-1]}")
        before = page.tab.locator(".order-row").count()
        page.tab.fill("[name=phone]", f"+7 900 {uuid7().int % 10**7:07d}")
        page.tab.press("[name=phone]", "Enter")
        page.open("/test-drives/")
        assert page.tab.locator(".order-row").count() == before
        assert page.faults() == []

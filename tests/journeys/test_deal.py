"""A buyer in a real browser: the deal around a car is calculated while it is filled in, kept, ordered and lent for."""

import pytest

from tests.journeys.browser import opened
from tests.journeys.test_browser import get_base_url, known_vehicle
from tests.product import wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
SUMS = "#deal-result [data-due-now]"
MOVE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })) }"


def changed(page, before):
    """Wait until the calculator shows another sum than before; the sum."""
    page.tab.wait_for_function(
        "([where, before]) => document.querySelector(where)?.innerText !== before", arg=[SUMS, before]
    )
    page.tab.wait_for_function("() => !document.querySelector('#deal-result').hasAttribute('aria-busy')")
    return page.tab.inner_text(SUMS)


def agree_to_less(tab):
    """Accept that the cheapest bank of all lends less than was asked: nobody pays the rest before they agreed to."""
    order = tab.url
    tab.click("a:has-text('Loan for this order')")
    tab.wait_for_url("**/credit/applications/*/")

    def is_offered():
        tab.reload()
        return tab.locator("input[name=own_part]").count() > 0

    wait_for(is_offered, 60, "no bank made an offer")
    tab.check("input[name=own_part] >> nth=0")
    tab.click("form:has(input[name=own_part]:checked) button:has-text('Accept')")
    tab.goto(order)


def test_a_deal_is_calculated_live_kept_ordered_and_lent_for(product):
    vehicle = known_vehicle(product)
    with opened(get_base_url(product), viewport={"width": 1280, "height": 1000}) as page:
        tab = page.tab
        page.sign_in("client@example.com", f"/cars/{vehicle}/")
        page.mark()
        tab.click("#deal > summary")
        tab.wait_for_selector(SUMS)
        first = tab.inner_text(SUMS)
        assert first.replace("\u00a0", "") == "300000₽"

        tab.eval_on_selector("#deal input[type=range] >> nth=1", MOVE, "600000")
        second = changed(page, first)
        assert second.replace("\u00a0", "") == "600000₽"
        tab.check("input[name=has_osago]")
        tab.wait_for_selector("#deal-result [role=alert]:has-text('VIN')")
        tab.fill("input[name=vehicle_vin]", "XTA210990Y2766389")
        tab.fill("input[name=engine_power]", "106")
        tab.wait_for_selector("#deal-result th:has-text('OSAGO')")
        shown = changed(page, second)
        assert page.is_marked(), "the page was reloaded"

        tab.click("#deal button:has-text('Calculate and keep')")
        tab.wait_for_url("**/deals/*/")
        assert tab.inner_text("[data-due-now] >> nth=0") == shown
        assert "the same to the kopeck" in tab.inner_text("main")
        tab.fill("input[name=monthly_income]", "250000")
        tab.check("input[name=is_agreed]")
        tab.click("main aside button:has-text('Place the order')")
        tab.wait_for_url("**/orders/*/")
        agree_to_less(tab)
        tab.wait_for_selector("h1 + .tag:has-text('Paid')")

        tab.click("a:has-text('Loan for this order')")
        tab.wait_for_url("**/credit/applications/*/")
        tab.click("a:has-text('To the loan')")
        tab.wait_for_url("**/credit/loans/*/")
        tab.fill("#early ~ form input[name=amount]", "100000")
        tab.click("button:has-text('See what it does')")
        tab.wait_for_selector("th:has-text('Interest saved')")
        assert page.faults() == []

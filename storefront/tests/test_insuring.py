"""The wizard of a quote, its offers side by side, and one of them bought at once or with the cart."""

from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from insurance.models import MoneyRequest, Policy, Quote
from insurance.tests import make as insurance
from orders.models import Order
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "insurance"])
PATH = "/insurance/quote/"
CAR = {
    "vehicle_vin": "XTA210990Y2766389", "vehicle_make": "Lada", "vehicle_model": "Vesta", "vehicle_year": "2024",
    "engine_power": "106",
}  # fmt: skip
DRIVERS = {"birth_date_1": "1985-05-20", "licence_since_1": "2005-06-01", "kbm_1": "13"}
COVER = {"insurance_type": "kasko", "region": "Москва", "coverage_amount": "2000000", "deductible": "0"}
EVERYTHING = CAR | DRIVERS | COVER


def text(response):
    return response.content.decode()


class _Boxes(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.select = {}, ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "input" and given.get("name"):
            self.found[given["name"]] = given.get("value", "")
        self.select = given.get("name", "") if tag == "select" else self.select
        if tag == "option" and (self.select not in self.found or "selected" in given):
            self.found[self.select] = given.get("value", "")


def boxes(html):
    """What the wizard's form would send if its first button were pressed."""
    reader = _Boxes()
    reader.feed(html.split('class="card padded stack wizard"')[1].split("</form>")[0])
    return reader.found


@pytest.fixture
def visitor():
    return Visitor("client")


def quoted(visitor, **changes):
    """The path of a quote made by the wizard's last step."""
    answer = visitor.post(PATH, **(EVERYTHING | {"step": "cover"} | changes))
    assert answer.status_code == 302, text(answer)
    return answer["Location"]


def test_a_quote_says_that_it_rests_on_what_was_told(visitor):
    assert "This premium is provisional" in text(visitor.get(quoted(visitor)))


def test_each_step_leads_to_the_next_and_takes_the_others_along(visitor):
    first = text(visitor.get(PATH))
    assert 'name="vehicle_vin"' in first
    second = text(visitor.post(PATH, step="car", **CAR))
    assert 'name="birth_date_1"' in second
    assert '<input type="hidden" name="vehicle_vin" value="XTA210990Y2766389">' in second
    third = text(visitor.post(PATH, step="drivers", **CAR, **DRIVERS))
    assert 'name="insurance_type"' in third
    assert 'type="hidden" name="licence_since_1" value="2005-06-01"' in third
    back = text(visitor.post(PATH, step="drivers", back="1", **CAR, **DRIVERS))
    assert 'value="XTA210990Y2766389"' in back
    assert 'type="hidden" name="kbm_1" value="13"' in back
    assert not Quote.objects.exists()
    visitor.post(PATH, step="cover", **EVERYTHING)
    stored = Quote.objects.get()
    assert (stored.customer_id, stored.asked.drivers[0].kbm) == (visitor.user.id, "13")
    assert [variant["deductible"] for variant in stored.variants[:3]] == ["10000", "20000", "30000"]


def test_a_car_on_sale_fills_in_the_first_step(visitor):
    car = make.car(vin="XTA210990Y2766388", price=Decimal("1500000.00"))
    page = text(visitor.get(f"{PATH}?car={car.id}"))
    assert 'value="XTA210990Y2766388"' in page
    assert 'type="hidden" name="coverage_amount" value="1500000.00"' in page
    for odd in ("nonsense", uuid7()):
        assert visitor.get(f"{PATH}?car={odd}").status_code == 200


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_price_of_the_car_comes_through_all_steps(language):
    """Follow the boxes as a browser without scripts does: what one page shows, the next one is sent."""
    visitor = Visitor("client", language=language)
    car = make.car(vin="XTA210990Y2766387", price=Decimal("1143950.00"))
    fields = boxes(text(visitor.get(f"{PATH}?car={car.id}")))
    for _step in ("car", "drivers"):
        fields = boxes(text(visitor.post(PATH, **fields)))
    assert fields["coverage_amount"] == "1\u00a0143\u00a0950"
    answer = visitor.post(PATH, **(fields | {"insurance_type": "kasko", "region": "Москва"}))
    assert answer.status_code == 302, text(answer)
    assert Quote.objects.get().asked.coverage_amount == Decimal(1143950)


@pytest.mark.parametrize(
    ("changes", "shown", "said"),
    [
        ({"vehicle_vin": "SHORT"}, "vehicle_vin", "A VIN has 17"),
        ({"vehicle_year": "1800"}, "vehicle_year", "greater than or equal"),
        ({"vehicle_year": "2190"}, "vehicle_year", "cannot be the year"),
        ({"licence_since_1": ""}, "birth_date_1", "both dates are needed"),
        ({"licence_since_1": "1995-01-01"}, "birth_date_1", "before the age of"),
        ({"coverage_amount": ""}, "insurance_type", "needs the value"),
        ({"deductible": "3000000"}, "insurance_type", "below the sum insured"),
        ({"start_date": "2020-01-01"}, "insurance_type", "begins today"),
        ({"insurance_type": "osago", "region": "Атлантида"}, "insurance_type", "Атлантида"),
    ],
)
def test_a_wrong_step_is_shown_again_with_what_was_typed(visitor, changes, shown, said):
    page = visitor.post(PATH, **(EVERYTHING | {"step": "cover"} | changes))
    assert page.status_code == 400
    assert f'id="id_{shown}"' in text(page)
    assert said in text(page)
    for value in filter(None, changes.values()):
        assert f'value="{value}"' in text(page)
    assert not Quote.objects.exists()


def test_the_offers_stand_side_by_side_for_their_owner(visitor):
    path = quoted(visitor)
    page = text(visitor.get(path))
    stored = Quote.objects.get()
    assert page.count('type="radio" name="variant"') == len(stored.variants) + 1 >= 4
    for premium in (stored.premium, *(Decimal(item["premium"]) for item in stored.variants)):
        assert f"{premium:,.2f}".replace(",", "\u00a0") in page or f"{int(premium):,}".replace(",", "\u00a0") in page
    assert Visitor("client").get(path).status_code == 404
    assert visitor.get(f"/insurance/quotes/{uuid7()}/").status_code == 404
    for address in (path, PATH):
        assert Visitor().get(address)["Location"].startswith("/sign-in/")


def test_an_offer_is_bought_once(visitor):
    path = quoted(visitor)
    form = make.hidden_fields(visitor.get(path), "key") | {"variant": "2", "do": "buy", "method": "cash"}
    first, second = (visitor.post(f"{path}take/", **form) for _ in range(2))
    policy = Policy.objects.get()
    assert first["Location"] == second["Location"] == f"/insurance/{policy.id}/"
    assert (policy.variant, policy.deductible, policy.status) == (2, Decimal(20_000), "pending")
    assert MoneyRequest.objects.get().amount == policy.premium
    page = text(visitor.get(path))
    assert "This quote became a policy" in page
    late = visitor.post(f"{path}take/", **form | {"key": "another"})
    assert (late.status_code, "has been bought already" in text(late)) == (409, True)
    for_cart = visitor.post(f"{path}take/", variant="0", do="cart")
    assert (for_cart.status_code, "cannot be bought any more" in text(for_cart)) == (400, True)


def test_what_cannot_be_bought_is_said(visitor):
    path = quoted(visitor)
    for form, said in (
        ({"do": "buy", "method": "cash"}, "Choose one of the offers"),
        ({"do": "buy", "method": "cash", "variant": "99"}, "Choose one of the offers"),
        ({"do": "buy", "variant": "0"}, "Choose how to pay"),
    ):
        page = visitor.post(f"{path}take/", **form)
        assert (page.status_code, said in text(page)) == (400, True)
    assert Visitor("client").post(f"{path}take/", variant="0", do="cart").status_code == 404
    assert Visitor().post(f"{path}take/", variant="0")["Location"].startswith("/sign-in/")
    assert not Policy.objects.exists()


def test_a_chosen_policy_is_ordered_with_the_cart(visitor):
    car = make.car(price=Decimal("2000000.00"))
    visitor.post(f"/cart/add/{car.id}/", quantity=1)
    assert f"/insurance/quote/?car={car.id}" in text(visitor.get("/cart/"))
    path = quoted(visitor)
    assert visitor.post(f"{path}take/", variant="1", do="cart")["Location"] == "/cart/"
    premium = Decimal(Quote.objects.get().variants[0]["premium"])
    page = visitor.get("/cart/")
    form = make.hidden_fields(page, "key", "expected_total") | {"method": "cash"}
    assert Decimal(form["expected_total"]) == 2_000_000 + premium
    assert visitor.post("/cart/checkout/", **form).status_code == 302
    sold = Order.objects.get()
    assert sold.total_amount == 2_000_000 + premium
    (asked,) = sold.checkout.legs.get(kind="policies").request["quotes"]
    assert Decimal(asked["deductible"]) == 10_000
    visitor.post(f"/cart/add/{make.car().id}/", quantity=1)
    assert "KASKO" not in text(visitor.get("/cart/")), "what was ordered is chosen no more"


def test_a_policy_for_another_car_is_not_ordered_and_the_page_says_so(visitor):
    visitor.post(f"/cart/add/{make.car(vin='XTA210990Y2766391').id}/", quantity=1)
    path = quoted(visitor)
    visitor.post(f"{path}take/", variant="0", do="cart")
    form = make.hidden_fields(visitor.get("/cart/"), "key", "expected_total") | {"method": "cash"}
    page = visitor.post("/cart/checkout/", **form)
    assert (page.status_code, "is for another car" in text(page)) == (400, True)
    assert not Order.objects.exists()
    visitor.post(f"/cart/insurance/{Quote.objects.get().id}/")
    form = make.hidden_fields(visitor.get("/cart/"), "key", "expected_total") | {"method": "cash"}
    assert visitor.post("/cart/checkout/", **form).status_code == 302


def test_a_chosen_policy_is_taken_out_again(visitor):
    visitor.post(f"/cart/add/{make.car().id}/", quantity=1)
    path = quoted(visitor)
    for _ in range(2):
        visitor.post(f"{path}take/", variant="0", do="cart")
    assert text(visitor.get("/cart/")).count("<b>KASKO</b>") == 1
    visitor.post(f"/cart/insurance/{Quote.objects.get().id}/")
    assert "<b>KASKO</b>" not in text(visitor.get("/cart/"))


def test_a_policy_chosen_before_any_car_stands_in_the_cart_and_is_taken_out_again(visitor):
    path = quoted(visitor)
    visitor.post(f"{path}take/", variant="0", do="cart")
    page = text(visitor.get("/cart/"))
    assert ("<b>KASKO</b>" in page, "No car yet" in page, "Your cart is empty" in page) == (True, True, False)
    assert 'name="expected_total"' not in page
    visitor.post(f"/cart/insurance/{Quote.objects.get().id}/")
    page = text(visitor.get("/cart/"))
    assert ("<b>KASKO</b>" in page, "Your cart is empty" in page) == (False, True)


def test_a_cart_shows_no_policy_chosen_by_somebody_else(visitor):
    path = quoted(Visitor("client"))
    session = visitor.client.session
    session["insurance"] = [[path.split("/")[3], 0]]
    session.save()
    visitor.post(f"/cart/add/{make.car().id}/", quantity=1)
    assert "<b>KASKO</b>" not in text(visitor.get("/cart/"))


def test_a_quote_costs_the_same_however_many_offers_it_has(visitor):
    few = insurance.quote(customer_id=visitor.user.id)
    many = quoted(visitor)

    def queries(path):
        with CaptureQueriesContext(connections["insurance"]) as asked:
            assert visitor.get(path).status_code == 200
        return len(asked)

    assert queries(many) == queries(f"/insurance/quotes/{few.id}/")


def test_a_premium_in_parts_says_what_is_paid_now_and_when_the_rest(visitor):
    path = quoted(visitor, instalments="3")
    page = visitor.get(path)
    offers = page.context["quote"].offers
    assert {len(offer.later) for offer in offers} == {2}
    assert all(offer.due_now + sum(part.amount for part in offer.later) == offer.premium for offer in offers)
    assert text(page).count("now ") >= len(offers)
    assert "payment in parts: 1.05" in text(page)
    visitor.post(f"/cart/add/{make.car().id}/", quantity=1)
    visitor.post(f"{path}take/", variant=str(offers[0].variant), do="cart")
    cart = visitor.get("/cart/")
    assert cart.context["policies"][0].premium == offers[0].due_now
    assert "the first of 3 instalments" in text(cart)

"""The deal calculator on a car's page: live, kept under a link, ordered from it, and the same to the kopeck later."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
from catalog.services import create_product, update_product
from core.ids import uuid7
from financing.services import change_programme
from messaging.models import OutboxEvent
from messaging.testing import drain_outbox
from orders.models import Order
from orders.models.deals import DealQuote
from orders.queries.deal_sums import recalculate
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "financing", "insurance"])
VIN = "XTA210990Y2766389"
WISH = {"trade_in": "300000", "has_loan": "on", "down_payment": "200000", "term_months": "36"}
DRIVER = {"birth_date": "1985-05-20", "licence_since": "2005-06-01", "region": "Москва"}
INSURED = DRIVER | {"has_kasko": "on", "has_osago": "on", "deductible": "10000"}
BORROWER = {"employment_status": "employed", "monthly_income": "250000", "banks": "this", "is_agreed": "on"}


def text(response):
    return response.content.decode()


@pytest.fixture
def programme():
    return financing.tests.make.programme(bank="Северный")


@pytest.fixture
def car():
    return make.car(vin=VIN, price=Decimal("2000000.00"))


def accessory(**fields):
    given = {"sku": f"MAT-{uuid7()}", "name": "Floor mats", "price": Decimal("5000.00"), "stock": 5} | fields
    product = create_product(kind="accessory", actor="test", now=timezone.now(), **given)
    drain_outbox("catalog", "orders")
    return product


def save_deal(visitor, car, **wish):
    """Send the calculator's form; the path of the kept calculation."""
    answer = visitor.post(f"/cars/{car.id}/deal/", **(WISH | wish))
    assert answer.status_code == 302, text(answer)
    return answer["Location"]


def count_agreements():
    return OutboxEvent.objects.using("accounts").filter(type="user.consented").count()


def order(visitor, path, **fields):
    page = visitor.get(path)
    names = ["key"] + (["deal_key"] if 'name="deal_key"' in text(page) else [])
    form = make.hidden_fields(page, *names) | {"method": "card", "token": "tok_success"} | BORROWER | fields
    return visitor.post(f"{path.partition('?')[0]}order/", **form)


def test_the_calculator_stands_on_the_cars_page_and_on_one_of_its_own(car, programme):
    accessory()
    visitor = Visitor()
    for path in (f"/cars/{car.id}/", f"/cars/{car.id}/deal/"):
        page = text(visitor.get(path))
        assert f'action="/cars/{car.id}/deal/"' in page
        assert "Floor mats" in page
        assert 'name="vehicle_vin"' not in page, "the card says it"
    assert "Северный" in page
    assert 'name="vehicle_vin"' in text(visitor.get(f"/cars/{make.car().id}/deal/"))


def test_while_it_is_filled_in_it_shows_sums_and_keeps_nothing(car, programme):
    visitor = Visitor()
    part = visitor.post(f"/cars/{car.id}/deal/", **WISH, **INSURED, part="result")
    assert part.status_code == 200
    shown = text(part)
    assert "<html" not in shown
    assert "version 1" in shown
    assert "KASKO" in shown
    assert "revision 1" in shown
    wrong = visitor.post(f"/cars/{car.id}/deal/", **(WISH | {"down_payment": "1800000"}), part="result")
    assert (wrong.status_code, "Something has to be left to borrow" in text(wrong)) == (400, True)
    assert not DealQuote.objects.exists()


def test_a_kept_calculation_is_recalled_by_its_link_and_comes_out_the_same(car, programme):
    mats = accessory()
    guest = Visitor()
    path = save_deal(guest, car, **INSURED, accessories=[str(mats.id)])
    stored = DealQuote.objects.get()
    premiums = sum(Decimal(item["premium"]) for item in stored.insurance)
    assert stored.due_now == 200_000 + premiums
    assert (stored.customer_id, len(stored.lines), len(stored.insurance)) == (None, 2, 2)
    change_programme(programme_id=programme.id, changes={"base_rate": Decimal("29.9")}, rates={}, now=timezone.now())
    page = text(Visitor().get(path))
    assert "the same to the kopeck" in page
    assert recalculate(stored) == stored.result
    for amount in (stored.due_now, stored.monthly_payment):
        assert f"{amount:,.2f}".replace(",", "\u00a0") in page
    DealQuote.objects.update(result=stored.result | {"due_now": "1.00"})
    assert "comes out differently" in text(Visitor().get(path))


def test_the_form_on_a_kept_calculation_is_filled_in_as_it_was(car, programme):
    guest = Visitor()
    path = save_deal(guest, car, **INSURED)
    form = guest.get(path).context["deal_form"]
    again = {name: form[name].value() for name in WISH | INSURED}
    assert (again["down_payment"], again["birth_date"], again["has_kasko"]) == ("200\u00a0000", "1985-05-20", True)
    assert again["deductible"] == "10000"


def test_the_cheapest_is_the_cheapest_of_all_banks_and_an_estimate_says_so(car, programme):
    financing.tests.make.programme(bank="Вега", connection="vega", base_rate=Decimal("9"))
    visitor = Visitor()
    page = text(visitor.get(f"/cars/{car.id}/deal/"))
    assert "Вега" in page
    assert "from 9 %, " in page
    kept = text(visitor.get(save_deal(visitor, car, programme_id="")))
    assert "An estimate by what the bank publishes" in kept
    named = text(visitor.get(save_deal(visitor, car, programme_id=str(programme.id))))
    assert "An estimate by what the bank publishes" not in named


def test_links_are_signed_and_ones_own_needs_none(car, programme):
    guest, owner = Visitor(), Visitor("client")
    path = save_deal(guest, car)
    assert guest.get(path.partition("?")[0]).status_code == 404
    assert guest.get(path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 404
    own = save_deal(owner, car)
    assert "key=" not in own
    assert owner.get(own).status_code == 200
    assert Visitor("manager").get(own).status_code == 200
    for stranger in (guest, Visitor("client")):
        assert stranger.get(own).status_code == 404
    assert owner.get(f"/deals/{uuid7()}/").status_code == 404


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"term_months": ""}, "Say for how many months"),
        ({"term_months": "300"}, "The term is"),
        ({"trade_in": "2500000"}, "Between nothing and the price"),
        ({"down_payment": "much"}, "Write an amount"),
        (INSURED | {"licence_since": ""}, "both dates are needed"),
        (INSURED | {"licence_since": "1990-01-01"}, "before the age of"),
        ({"accessories": ["nonsense"]}, "Select a valid choice"),
        ({"programme_id": str(uuid7())}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_calculated_is_said_and_what_was_typed_stays(car, programme, wish, said):
    accessory()
    page = Visitor().post(f"/cars/{car.id}/deal/", **(WISH | {"trade_in": "300001"} | wish))
    assert page.status_code == 400
    assert said in text(page)
    assert f'value="{wish.get("trade_in", "300001")}"' in text(page)
    assert not DealQuote.objects.exists()


def test_a_car_without_papers_says_what_a_policy_needs(programme):
    page = Visitor().post(f"/cars/{make.car(power_hp=None).id}/deal/", **WISH, **INSURED)
    assert page.status_code == 400
    assert text(page).count("cannot be calculated without it") == 2


def test_only_cars_have_a_calculator(programme):
    assert Visitor().get(f"/cars/{accessory().id}/deal/").status_code == 404
    assert Visitor().get(f"/cars/{uuid7()}/deal/").status_code == 404


def test_a_deal_becomes_an_order_once_at_the_sums_shown(car, programme):
    buyer = Visitor("client")
    path = save_deal(buyer, car, **INSURED)
    form = make.hidden_fields(buyer.get(path), "key") | {"method": "card", "token": "tok_success"} | BORROWER
    first, second = (buyer.post(f"{path}order/", **form) for _ in range(2))
    sold, stored = Order.objects.get(), DealQuote.objects.get()
    assert first["Location"] == second["Location"] == f"/orders/{sold.id}/"
    assert count_agreements() == 1
    assert (sold.total_amount, sold.customer_id) == (stored.total_amount, buyer.user.id)
    legs = {leg.kind: leg.request for leg in sold.checkout.legs.all()}
    assert legs["loan"]["down_payment"] == "500000.00"
    assert (legs["loan"]["programme_id"], legs["loan"]["auto_accept"]) == (str(programme.id), True)
    assert legs["trade_in"] == {"amount": "300000.00", "goods": "2000000.00", "is_agreed": False}
    assert [quote["insurance_type"] for quote in legs["policies"]["quotes"]] == ["kasko", "osago"]


def test_a_deal_whose_loan_pays_the_policies_too_is_ordered_as_calculated(car, programme):
    buyer = Visitor("client")
    path = save_deal(buyer, car, **INSURED, lends_premiums="on")
    stored = DealQuote.objects.get()
    premiums = sum(Decimal(item["premium"]) for item in stored.insurance)
    page = text(buyer.get(path))
    assert "The loan pays for the policies too" in page
    assert stored.due_now == Decimal(200_000)
    assert order(buyer, path).status_code == 302
    sold = Order.objects.get()
    loan = sold.checkout.legs.get(kind="loan").request
    assert (sold.total_amount, Decimal(loan["financed_premium"])) == (stored.total_amount, premiums)
    kasko = sum(Decimal(item["premium"]) for item in stored.insurance if item["insurance_type"] == "kasko")
    assert 0 < Decimal(loan["psk_premium"]) == kasko < premiums
    assert buyer.get(path).context["deal_form"]["lends_premiums"].value() is True


def test_all_banks_can_be_asked(car, programme):
    buyer = Visitor("client")
    order(buyer, save_deal(buyer, car), banks="all")
    loan = Order.objects.get().checkout.legs.get(kind="loan").request
    assert ("programme_id" in loan, loan["auto_accept"]) == (False, False)


def test_a_guests_deal_is_ordered_after_signing_in(car, programme):
    guest = Visitor()
    path = save_deal(guest, car)
    assert "Sign in and order" in text(guest.get(path))
    assert guest.post(f"{path.partition('?')[0]}order/")["Location"].startswith("/sign-in/")
    buyer = Visitor("client")
    assert order(buyer, path).status_code == 302
    assert Order.objects.get().customer_id == buyer.user.id


def test_what_is_missing_for_an_order_is_said(car, programme):
    buyer = Visitor("client")
    path = save_deal(buyer, car)
    refused = order(buyer, path, monthly_income="")
    assert (refused.status_code, "This field is required" in text(refused)) == (400, True)
    late = order(buyer, path, birth_date="2190-01-01")
    assert (late.status_code, "cannot be a date of birth" in text(late)) == (400, True)
    assert not Order.objects.exists()


def test_a_deal_whose_prices_changed_since_is_not_ordered(car, programme):
    buyer = Visitor("client")
    path = save_deal(buyer, car)
    update_product(product_id=car.id, price=Decimal("1900000.00"), actor="test", now=timezone.now())
    drain_outbox("catalog", "orders")
    changed = order(buyer, path)
    assert (changed.status_code, "Calculate anew" in text(changed)) == (409, True)
    assert not Order.objects.exists()
    assert count_agreements() == 0, "what was not ordered gives nobody anything to process"


def test_others_deals_are_not_ordered(car, programme):
    path = save_deal(Visitor("client"), car)
    assert Visitor("client").post(f"{path}order/", **BORROWER).status_code == 404
    assert not Order.objects.exists()


def test_a_deal_costs_the_same_queries_whatever_is_in_it(car, programme):
    visitor = Visitor()

    def queries(path):
        with (
            CaptureQueriesContext(connections["orders"]) as orders,
            CaptureQueriesContext(connections["financing"]) as lent,
            CaptureQueriesContext(connections["insurance"]) as insured,
        ):
            assert visitor.get(path).status_code == 200
        return len(orders) + len(lent) + len(insured)

    small, large = save_deal(visitor, car), save_deal(visitor, car, accessories=[str(accessory().id) for _ in range(5)])
    assert queries(small) == queries(large)


def test_a_deal_with_kasko_in_parts_shows_what_is_due_later(car, programme):
    visitor = Visitor("client")
    deal = visitor.get(save_deal(visitor, car, **INSURED, instalments="3")).context["deal"]
    kasko = next(item for item in deal.premiums if item.insurance_type == "kasko")
    assert kasko.due_now + sum(amount for _day, amount in kasko.later) == kasko.premium
    assert deal.result["insurance_later_amount"] == sum(amount for _day, amount in kasko.later)
    page = visitor.get(f"/deals/{deal.id}/")
    assert text(page).count("Later: KASKO, by") == 2
    assert page.context["deal_form"]["instalments"].value() == 3
    assert page.context["is_reproduced"]


class TestOrderAgain:
    """A deal that came to nothing is calculated anew with all that it was made of."""

    @pytest.fixture
    def ordered(self, car, programme):
        visitor, mats = Visitor("client"), accessory()
        insured = INSURED | {"accessories": [str(mats.id)], "programme_id": str(programme.id)}
        answer = order(visitor, save_deal(visitor, car, **insured))
        assert answer.status_code == 302, text(answer)
        drain_outbox("catalog", "orders")
        visitor.post(f"{answer['Location']}cancel/")
        drain_outbox("catalog", "orders")
        drain_outbox("catalog", "orders")
        return visitor, answer["Location"]

    def test_loan_policies_accessories_and_the_old_car_are_wanted_again(self, ordered, car):
        visitor, page = ordered
        update_product(product_id=car.id, price=Decimal("2100000.00"), actor="test", now=timezone.now())
        drain_outbox("catalog", "orders")
        answer = visitor.post(f"{page}again/")
        before, again = DealQuote.objects.order_by("created_at")
        assert answer["Location"] == f"/deals/{again.id}/"
        assert (again.order_id, again.customer_id) == (None, visitor.user.id)
        assert [line["product_id"] for line in again.lines] == [line["product_id"] for line in before.lines]
        assert again.trade_in_amount == before.trade_in_amount == 300_000
        assert Decimal(again.loan_terms["down_payment"]) == Decimal(before.loan_terms["down_payment"])
        for name in ("term_months", "programme_id"):
            assert again.loan_terms[name] == before.loan_terms[name]
        assert Decimal(again.loan_terms["vehicle_price"]) - Decimal(before.loan_terms["vehicle_price"]) == 100_000
        asked = [[item["request"].get("drivers") for item in quote.insurance] for quote in (before, again)]
        assert asked[0] == asked[1]
        assert len(asked[0]) == 2

    def test_what_is_not_offered_any_more_is_named_and_left_out(self, ordered, car, programme):
        visitor, page = ordered
        mats = DealQuote.objects.get().lines[1]["product_id"]
        update_product(product_id=mats, is_active=False, actor="test", now=timezone.now())
        drain_outbox("catalog", "orders")
        financing.tests.make.programme(bank="Другой")
        ended = {"valid_from": date(2020, 1, 1), "valid_to": date(2020, 2, 1)}
        change_programme(programme_id=programme.id, changes=ended, rates={}, now=timezone.now())
        answer = visitor.post(f"{page}again/")
        again = DealQuote.objects.latest("created_at")
        assert [line["product_id"] for line in again.lines] == [str(car.id)]
        assert again.loan_terms["bank"] == "Другой"
        assert "Cannot be had any more: Floor mats." in text(visitor.get(answer["Location"]))

    def test_of_a_car_that_is_gone_the_goods_go_into_the_cart(self, ordered, car):
        visitor, page = ordered
        update_product(product_id=car.id, is_active=False, actor="test", now=timezone.now())
        drain_outbox("catalog", "orders")
        assert visitor.post(f"{page}again/")["Location"] == "/cart/"
        assert DealQuote.objects.count() == 1

    def test_another_persons_deal_is_not_found(self, ordered):
        _visitor, page = ordered
        assert Visitor("client").post(f"{page}again/").status_code == 404
        assert DealQuote.objects.count() == 1

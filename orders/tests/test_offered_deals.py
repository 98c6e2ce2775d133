"""Written offers that carry a loan and policies: figured out as written, frozen as sent, and ordered so."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

import accounts.tests.make
import financing.tests.make
from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from financing.services import change_programme
from gateway.approvals import Waits, approve
from gateway.models import Approval
from insurance.tests.make import KASKO, OSAGO
from orders import services
from orders.errors import PriceChanged
from orders.models import CheckoutLeg, Order, OrderDiscount, SalesOffer
from orders.rules.offer_deals import read_loan, read_policies
from orders.rules.requests import LoanRequest, PoliciesRequest
from orders.services import Actor, Bargain, LoanWish, ProductLine, Purchase
from orders.services.offer_papers import read_offer_paper
from orders.services.templates import create_template, enforce_template
from orders.tests import make
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog", "financing", "insurance"])
PRICE, DOWN = Decimal("1960000.00"), Decimal("500000.00")
BORROWER = {"employment_status": "employed", "monthly_income": "300000.00", "birth_date": "1985-05-20"}


@pytest.fixture(autouse=True)
def bank():
    return financing.tests.make.programme(bank="Северный")


def car():
    return make.product(price="2000000.00", vin=OSAGO["vehicle_vin"])


def lines():
    return [ProductLine(car(), 1, Bargain(amount=Decimal(40_000), reason="last one"))]


def offered(**options):
    """A sent offer of a car with a loan and both policies."""
    wished = {"loan": LoanWish(term_months=36, down_payment=DOWN), "insurance": [OSAGO, KASKO]} | options
    return make.offer(lines=options.pop("lines", None) or lines(), **wished)


def accept(offer, **purchase):
    purchase = {"applicant": BORROWER} | purchase
    buyer = Actor(offer.customer_id, frozenset({"client"}))
    return services.accept_offer(offer_id=offer.id, actor=buyer, now=timezone.now(), purchase=Purchase(**purchase))


def premiums(offer):
    return sum(policy.due_now for policy in read_policies(offer.insurance))


def test_its_loan_and_policies_are_figured_out_at_the_agreed_price(bank):
    offer = offered()
    loan, policies = read_loan(offer.loan), read_policies(offer.insurance)
    assert (loan.programme_id, loan.vehicle_price, loan.amount) == (bank.id, PRICE, PRICE - DOWN)
    assert (loan.monthly_payment > loan.amount / 36, loan.psk >= 15) == (True, True)
    assert [policy.name for policy in policies] == ["OSAGO", "KASKO"]
    assert offer.total_amount == PRICE + premiums(offer)
    assert all(policy.due_now > 0 for policy in policies)


def test_a_loan_that_its_bank_would_refuse_is_not_written_into_an_offer(bank):
    with pytest.raises(InvalidInput) as refused:
        offered(loan=LoanWish(term_months=36, down_payment=Decimal(1)))
    assert refused.value.errors[0]["code"] == "not_lent"


def test_accepted_it_asks_the_bank_and_the_insurers_as_any_order_would():
    offer = offered()
    order = accept(offer, payment=[{"method": "card", "token": "tok_success"}])
    assert (order.total_amount, order.discount_total) == (offer.total_amount, 40_000)
    sold = {line.name: line.line_total for line in order.lines.all() if line.kind == "policy"}
    assert sold == {policy.name: policy.due_now for policy in read_policies(offer.insurance)}
    assert OrderDiscount.objects.get().amount == 40_000
    legs = {leg.kind: leg for leg in CheckoutLeg.objects.filter(checkout__order=order)}
    assert set(legs) == {"stock", "payment", "loan", "disbursement", "policies"}
    asked, loan = LoanRequest.of(legs["loan"]), read_loan(offer.loan)
    assert (asked.amount, asked.term_months, asked.programme_id) == (loan.amount, 36, loan.programme_id)
    assert (asked.monthly_income, asked.auto_accept, asked.vehicle_price) == (300_000, True, PRICE)
    assert [one["vehicle_vin"] for one in PoliciesRequest.of(legs["policies"]).quotes] == [OSAGO["vehicle_vin"]] * 2


def test_premiums_can_be_lent_too():
    offer = offered(loan=LoanWish(term_months=36, down_payment=DOWN, is_insurance_financed=True))
    assert read_loan(offer.loan).amount == PRICE - DOWN + premiums(offer)
    order = accept(offer)
    leg = CheckoutLeg.objects.get(checkout__order=order, kind="loan")
    assert LoanRequest.of(leg).amount == read_loan(offer.loan).amount


@pytest.mark.parametrize("applicant", [None, BORROWER | {"monthly_income": "-1"}])
def test_nobody_borrows_unsaid_or_impossible(applicant):
    offer = offered()
    with pytest.raises(InvalidInput):
        accept(offer, applicant=applicant)
    assert not Order.objects.exists()


def test_a_borrower_of_no_loan_is_refused():
    with pytest.raises(InvalidInput):
        accept(offered(loan=None))
    assert not Order.objects.exists()


def test_a_premium_that_its_insurer_asks_no_more_is_not_promised(monkeypatch):
    offer = offered()
    monkeypatch.setattr("orders.services.offer_deals.estimate", lambda request, products: Decimal(1))
    with pytest.raises(PriceChanged):
        accept(offer)
    offer.refresh_from_db()
    assert (offer.state, Order.objects.count()) == ("sent", 0)


def test_a_draft_is_not_sent_at_other_premiums_than_it_was_written_by():
    draft = offered(is_sent=False)
    kept = draft.insurance
    kept[0]["due_now"] = "1.00"
    SalesOffer.objects.filter(pk=draft.pk).update(insurance=kept, total_amount=draft.total_amount - 10)
    with pytest.raises(PriceChanged):
        services.send_offer(offer_id=draft.id, actor=Actor(uuid7(), frozenset({"manager"})), now=timezone.now())


def test_a_programme_that_changed_changes_nothing_that_was_sent(bank):
    offer = offered()
    before = offer.loan
    change_programme(programme_id=bank.id, changes={"base_rate": Decimal("29.9")}, rates={}, now=timezone.now())
    seller = Actor(uuid7(), frozenset({"manager"}))
    revision = services.revise_offer(offer_id=offer.id, actor=seller, now=timezone.now())
    assert revision.loan == before
    services.send_offer(offer_id=revision.id, actor=seller, now=timezone.now())
    revision.refresh_from_db()
    offer.refresh_from_db()
    assert offer.loan == before
    assert read_loan(revision.loan).monthly_payment > read_loan(before).monthly_payment


def test_what_a_second_person_agreed_to_is_sent_with_it(settings, bank):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(10)
    seller = Actor(uuid7(), frozenset({"manager"}))
    draft = offered(actor=seller, is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())
    asked = Approval.objects.using("orders").get()
    change_programme(programme_id=bank.id, changes={"base_rate": Decimal("29.9")}, rates={}, now=timezone.now())
    approve(alias="orders", approval_id=asked.id, person_id=uuid7(), now=timezone.now())
    sent = SalesOffer.objects.get()
    assert (sent.state, sent.loan, sent.insurance) == ("sent", draft.loan, draft.insurance)


def test_its_paper_says_what_a_month_costs_and_who_decides():
    offer = offered()
    text = " ".join(extract_text(read_offer_paper(offer_id=offer.id, now=timezone.now())).split())
    loan = read_loan(offer.loan)
    shown = f"{loan.monthly_payment:,.2f}".replace(",", " ").replace(".", ",")
    assert f"Ежемесячный платёж {shown} RUB" in text
    assert "принимает банк" in text
    for policy in read_policies(offer.insurance):
        assert f"{policy.due_now:,.2f}".replace(",", " ").replace(".", ",") in text


def test_words_that_leave_the_loan_out_are_refused():
    words = create_template(
        kind="offer", language="ru", title="x", text="{{ offer.valid_until }}", actor_id=uuid7(), now=timezone.now()
    )
    today = dealer_day(timezone.now())
    enforce_template(template_id=words.id, valid_from=today, actor_id=uuid7(), now=timezone.now())
    make.offer()
    draft = offered(is_sent=False)
    with pytest.raises(InvalidInput):
        services.send_offer(offer_id=draft.id, actor=Actor(uuid7(), frozenset({"manager"})), now=timezone.now())
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_a_policy_of_another_car_is_refused():
    with pytest.raises(InvalidInput):
        offered(insurance=[KASKO | {"vehicle_vin": "XTA210990Y2766388"}])
    assert not SalesOffer.objects.exists()


def test_history_names_the_seller(bank):
    seller_id = make.legal_entity()
    offer = offered()
    facts = offer.history.order_by("-id").values_list("facts", flat=True)[0]
    assert (facts["legal_entity_id"], facts["manager_id"]) == (str(seller_id), str(offer.manager_id))
    assert facts["loan"]["programme_id"] == str(bank.id)


def test_over_http_a_whole_deal_is_offered_and_accepted():
    desk, client = Api("manager"), Api("client", user_id=accounts.tests.make.user("client").id)
    body = {
        "customer_id": str(client.user_id),
        "items": [{"product_id": str(car()), "discount": {"amount": "40000.00", "reason": "last one"}}],
        "valid_until": str(dealer_day(timezone.now()) + timedelta(days=5)),
        "financing": {"term_months": 36, "down_payment": str(DOWN)},
        "insurance": [OSAGO, KASKO],
    }
    made = desk.post("/offers", body).json()
    path = f"/offers/{made['id']}"
    assert made["financing"]["amount"] == str(PRICE - DOWN)
    assert [one["insurance_type"] for one in made["insurance"]] == ["osago", "kasko"]
    again = desk.patch(path, {"insurance": [KASKO]}).json()
    assert (len(again["insurance"]), again["financing"]["amount"]) == (1, str(PRICE - DOWN))
    assert desk.post(f"{path}/send").json()["financing"] == again["financing"]
    refused = client.post(f"{path}/order")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "applicant")
    for wrong in ({"payment": {"method": "shells"}}, {"payment": {"way": "card"}}, {"deposit": {"method": "cash"}}):
        assert client.post(f"{path}/order", {"applicant": BORROWER} | wrong).status_code == 400, wrong
    assert not Order.objects.exists()
    paid = {"method": "card", "token": "tok_success", "on_decline": "hold"}
    ordered = client.post(f"{path}/order", {"applicant": BORROWER, "payment": paid})
    assert (ordered.status_code, ordered.json()["total_amount"]) == (201, again["total_amount"])

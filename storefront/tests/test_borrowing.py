"""A borrower's applications: where they stand and why, the banks side by side, taking an offer and giving up."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import orders.tests.make
from core.ids import uuid7
from financing import services
from financing.models import Application, BankOffer
from financing.tests import make
from messaging.models import OutboxEvent
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "financing", "orders"])


def text(response):
    return response.content.decode()


@pytest.fixture
def borrower():
    return Visitor("client")


def applied(borrower, **changes):
    order = make.order(customer_id=borrower.user.id)
    return make.application(of=order, **changes)


def answered(application, name, **terms):
    """A bank's offer, as its answer leaves it."""
    programme = make.programme(bank=name, connection=name.lower(), valid_from="2020-01-01")
    given = {
        "amount": Decimal("1500000.00"), "annual_rate": Decimal("14.5"), "term_months": 36, "balloon": Decimal(0),
        "monthly_payment": Decimal("51631.00"), "psk": Decimal("14.500"), "status": "offered",
        "expires_at": timezone.now() + timedelta(days=5), "answered_at": timezone.now(),
    } | terms  # fmt: skip
    return BankOffer.objects.create(
        application=application, programme=programme, connection=name.lower(), asked_rate=Decimal("14.5"),
        schedule="annuity", asked_at=timezone.now(), **given,
    )  # fmt: skip


def test_everything_borrowed_is_on_one_page_of_ones_own(borrower):
    make.programme()
    mine, other = applied(borrower), make.application()
    page = text(borrower.get("/credit/"))
    assert f"/credit/applications/{mine.id}/" in page
    assert str(other.id) not in page
    assert "No loans yet" in page
    assert 'href="/credit/"' in text(borrower.get("/account/"))
    assert Visitor().get("/credit/")["Location"].startswith("/sign-in/")


def test_a_refusal_is_told_in_words_with_what_would_be_approved(borrower):
    make.programme(min_down_payment_percent=Decimal(30), bank="Северный")
    refused = applied(borrower)
    assert refused.reasons == ["down_payment"]
    page = text(borrower.get(f"/credit/applications/{refused.id}/"))
    assert "The down payment is too small." in page
    assert "This would be approved" in page
    assert f"{Decimal(refused.decision['counter_offer']['monthly_payment']):,.2f}".replace(",", "\u00a0") in page
    assert "Calculate the deal on these terms" not in page, "its order is unknown"


def test_the_counter_offer_leads_to_the_calculator_of_the_car(borrower):
    make.programme(min_down_payment_percent=Decimal(30))
    sold = orders.tests.make.order(customer_id=borrower.user.id)
    make_order = services.copy_order
    known = make_order(
        order_id=sold.id,
        customer_id=borrower.user.id,
        number="1",
        total_amount=Decimal(2_000_000),
        currency="RUB",
        version=1,
    )
    refused = make.application(of=known)
    page = text(borrower.get(f"/credit/applications/{refused.id}/"))
    product_id = sold.lines.get().product_id
    assert f"/cars/{product_id}/deal/?term_months=36&amp;down_payment=600000.00" in page


def test_a_managers_own_words_stand_for_the_codes(borrower):
    make.programme()
    looked_at = applied(borrower, **make.DTI_REVIEW)
    path = f"/credit/applications/{looked_at.id}/"
    assert "What a person is looking at" in text(borrower.get(path))
    services.reject_application(
        application_id=looked_at.id, manager_id=uuid7(), reason="Call us, please.", now=timezone.now()
    )
    page = text(borrower.get(path))
    assert "Call us, please." in page
    assert "Too much of the income" not in page


def test_banks_stand_side_by_side_and_one_is_taken(borrower):
    make.programme()
    mine = applied(borrower)
    cheap = answered(mine, "Vega")
    answered(mine, "Polus", status="refused", amount=None, psk=None, detail="We do not lend this.")
    late = answered(mine, "Late", expires_at=timezone.now() - timedelta(days=1))
    path = f"/credit/applications/{mine.id}/"
    page = text(borrower.get(path))
    assert "Vega" in page
    assert "We do not lend this." in page
    assert page.count('name="offer_id"') == 2, "our own and Vega's; the expired one is not to be had"
    borrower.post(f"{path}accept/", offer_id=str(late.id))
    assert "This offer has expired." in text(borrower.get(path))
    assert borrower.post(f"{path}accept/", offer_id=str(cheap.id))["Location"] == path
    mine.refresh_from_db()
    assert (mine.status, mine.annual_rate) == ("accepted", Decimal("14.5"))
    assert 'name="offer_id"' not in text(borrower.get(path))


def test_the_only_offer_is_taken_without_naming_it(borrower):
    make.programme()
    mine = applied(borrower)
    BankOffer.objects.all().delete()
    assert "Accept this offer" in text(borrower.get(f"/credit/applications/{mine.id}/"))
    borrower.post(f"/credit/applications/{mine.id}/accept/")
    assert Application.objects.get().status == "accepted"


def test_a_smaller_loan_is_taken_with_the_borrowers_word_for_their_part(borrower):
    make.programme()
    mine = applied(borrower)
    smaller = answered(mine, "Vega", amount=Decimal(1000000))
    path = f"/credit/applications/{mine.id}/"
    part = mine.own_part(Decimal(1000000))
    page = text(borrower.get(path))
    assert f'type="checkbox" name="own_part" value="{part}" required' in page
    for given in ({}, {"own_part": "nonsense"}, {"own_part": str(mine.down_payment)}):
        borrower.post(f"{path}accept/", offer_id=str(smaller.id), **given)
        assert "This loan pays less than you asked for" in text(borrower.get(path))
    mine.refresh_from_db()
    assert mine.status == "approved"
    borrower.post(f"{path}accept/", offer_id=str(smaller.id), own_part=str(part))
    mine.refresh_from_db()
    assert (mine.status, mine.approved_amount) == ("accepted", Decimal(1000000))


def test_an_application_is_withdrawn_once(borrower):
    make.programme()
    mine = applied(borrower)
    path = f"/credit/applications/{mine.id}/"
    assert "Withdraw the application" in text(borrower.get(path))
    for said in ("The application is withdrawn.", "not possible in the present state"):
        borrower.post(f"{path}withdraw/")
        assert said in text(borrower.get(path))
    assert "Withdraw the application" not in text(borrower.get(path))


def test_others_applications_are_not_there(borrower):
    make.programme()
    other = make.application()
    path = f"/credit/applications/{other.id}/"
    for answer in (
        borrower.get(path),
        borrower.post(f"{path}accept/"),
        borrower.post(f"{path}withdraw/"),
        borrower.post(f"{path}accept/", offer_id="nonsense"),
        Visitor("manager").get(path),
    ):
        assert answer.status_code == 404
    for answer in (Visitor().get(path), Visitor().post(f"{path}withdraw/")):
        assert answer["Location"].startswith("/sign-in/")
    other.refresh_from_db()
    assert other.status == "approved"


def test_a_page_costs_the_same_however_many_banks_answer(borrower):
    make.programme()
    mine = applied(borrower)

    def queries(path):
        with CaptureQueriesContext(connections["financing"]) as asked:
            assert borrower.get(path).status_code == 200
        return len(asked)

    paths = ("/credit/", f"/credit/applications/{mine.id}/")
    before = [queries(path) for path in paths]
    for number in range(5):
        answered(mine, f"Bank{number}")
        applied(borrower)
    assert [queries(path) for path in paths] == before


def waiting(borrower):
    """An order that financing has heard of, and that waits for its money."""
    sold = orders.tests.make.order(customer_id=borrower.user.id)
    services.copy_order(
        order_id=sold.id,
        customer_id=borrower.user.id,
        number=sold.number,
        total_amount=sold.total_amount,
        currency="RUB",
        version=1,
    )
    return sold


ASKED = {"down_payment": "300000", "term_months": "36", "employment_status": "employed", "monthly_income": "200000"}
ASKED["is_agreed"] = "on"


def test_a_loan_is_asked_for_an_order_once(borrower):
    make.programme(bank="Северный")
    sold = waiting(borrower)
    path = f"/orders/{sold.id}/loan/"
    page = text(borrower.get(f"{path}?term_months=48&down_payment=250000.00"))
    assert 'value="48"' in page
    assert 'value="250\u00a0000"' in page
    assert "Северный" in page
    answers = [borrower.post(path, **ASKED, key="one") for _ in range(2)]
    made = Application.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/credit/applications/{made.id}/"}
    assert (made.order_id, made.requested_amount, made.status) == (sold.id, Decimal(700_000), "approved")
    assert count_agreements() == 1


def count_agreements():
    return OutboxEvent.objects.using("accounts").filter(type="user.consented").count()


def test_an_application_that_no_bank_takes_is_no_consent(borrower):
    make.programme(valid_to=date(2020, 12, 31))
    refused = borrower.post(f"/orders/{waiting(borrower).id}/loan/", **ASKED)
    assert 400 <= refused.status_code < 500
    assert (Application.objects.exists(), count_agreements()) == (False, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"term_months": ""}, "This field is required"),
        ({"down_payment": "1000000"}, "below the price"),
        ({"birth_date": "2190-01-01"}, "cannot be a date of birth"),
        ({"programme_id": "nonsense"}, "Select a valid choice"),
        ({"is_agreed": ""}, "Without your consent"),
    ],
)
def test_an_application_that_cannot_be_is_said_and_stays_typed(borrower, changes, said):
    make.programme()
    refused = borrower.post(f"/orders/{waiting(borrower).id}/loan/", **(ASKED | changes))
    assert (refused.status_code, said in text(refused)) == (400, True)
    assert 'value="200000"' in text(refused)
    assert not Application.objects.exists()


def test_nobody_applies_for_others_orders(borrower):
    path = f"/orders/{waiting(Visitor('client')).id}/loan/"
    for visitor in (borrower, Visitor("manager")):
        assert visitor.get(path).status_code == 404
        assert visitor.post(path, **ASKED).status_code == 404
    assert Visitor().get(path)["Location"].startswith("/sign-in/")
    assert borrower.get(f"/orders/{uuid7()}/loan/").status_code == 404
    assert not Application.objects.exists()

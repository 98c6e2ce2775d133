"""A policy's page: what it covers, one more driver, its end before time, the next term, a report taken back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from insurance import services
from insurance.models import Claim, Endorsement, MoneyRequest, Policy, Quote
from insurance.tests import make as insurance
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "insurance"])


def text(response):
    return response.content.decode()


@pytest.fixture
def visitor():
    return Visitor("client")


@pytest.fixture
def policy(visitor):
    return insurance.policy(customer_id=visitor.user.id, now=timezone.now() - timedelta(days=30))


def get_path(policy):
    return f"/insurance/{policy.id}/"


def test_the_page_tells_what_the_policy_covers(visitor, policy):
    page = text(visitor.get(get_path(policy)))
    assert policy.number in page
    assert "born 20 May 1985, licence since 1 June 2005" in page
    assert "of the premium comes back to you" in page
    assert "Quote the next term" not in page, "that is for its last sixty days"
    assert get_path(policy) in text(visitor.get("/insurance/"))


def fill_form(page, **changes):
    """The change form as the page filled it, with some fields changed; None leaves one out."""
    form = page.context["shown"].change
    filled = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in (filled | changes).items() if value not in (None, False, "")}
    return {name: str(value) for name, value in sent.items()}


YOUNG = {"birth_date_2": "2005-05-20", "licence_since_2": "2024-06-01"}


def test_a_provisional_premium_says_so_until_it_is_confirmed(visitor, policy):
    path, note = get_path(policy), "This premium is provisional"
    assert note in text(visitor.get(path))
    services.confirm_policy(policy_id=policy.id, manager_id=uuid7(), evidence="Papers.", now=timezone.now())
    assert note not in text(visitor.get(path))


def test_one_more_driver_is_priced_first_and_paid_then(visitor, policy):
    path = f"{get_path(policy)}change/"
    sent = fill_form(visitor.get(get_path(policy)), **YOUNG)
    priced = visitor.post(path, **sent, key="a")
    assert priced.status_code == 200
    cost = priced.context["shown"].price.to_pay
    assert cost > 0
    assert "to be paid now" in text(priced)
    assert 'name="method"' in text(priced)
    assert 'value="2005-05-20"' in text(priced)
    assert not Endorsement.objects.exists()
    for _ in range(2):
        agreed = visitor.post(path, **sent, method="cash", agreed=f"{cost:.2f}", key="b")
        assert agreed.status_code in (302, 409)
    change = Endorsement.objects.get()
    assert (len(change.request["drivers"]), change.applied_at, change.premium_difference) == (2, None, cost)
    again = visitor.post(path, **sent, key="c")
    assert (again.status_code, "still being paid for" in text(again)) == (409, True)


def test_what_costs_less_is_shown_before_it_is_agreed_to(visitor, policy):
    path = f"{get_path(policy)}change/"
    changes = {"deductible": "30000", "vehicle_plate": "А123ВС777", "city": ""}
    sent = fill_form(visitor.get(get_path(policy)), **changes)
    priced = visitor.post(path, **sent)
    difference = priced.context["shown"].price.premium_difference
    assert difference < 0
    assert "comes back to you" in text(priced)
    stale = visitor.post(path, **sent, agreed="-1.00", key="a")
    assert (stale.status_code, Endorsement.objects.count()) == (200, 0)
    assert visitor.post(path, **sent, agreed=f"{difference:.2f}", key="b")["Location"] == get_path(policy)
    change = Endorsement.objects.get()
    assert sorted(change.changes) == ["deductible", "vehicle_plate"]
    assert fill_form(visitor.get(get_path(policy)))["vehicle_plate"] == "А123ВС777"


def test_drivers_are_taken_out_and_anybody_may_drive(visitor, policy):
    path, page = f"{get_path(policy)}change/", visitor.get(get_path(policy))
    gone = fill_form(page, birth_date_1="", licence_since_1="", kbm_1="")
    refused = visitor.post(path, **gone)
    assert (refused.status_code, "say that anybody may drive" in text(refused)) == (400, True)
    priced = visitor.post(path, **gone, anybody="on")
    assert priced.context["shown"].price.to_pay > 0
    assert not Endorsement.objects.exists()


def test_a_change_that_cannot_be_is_refused(visitor, policy):
    for changes, said in (
        ({"birth_date_2": "2005-05-20"}, "both dates are needed"),
        (YOUNG | {"licence_since_2": "2006-01-01"}, "before the age of"),
        ({"deductible": "12345"}, "Deductibles offered"),
        ({"coverage_amount": "3000000"}, "must not exceed the value"),
        ({}, "Nothing is different"),
    ):
        page = visitor.post(f"{get_path(policy)}change/", **fill_form(visitor.get(get_path(policy)), **changes))
        assert (page.status_code, said in text(page)) == (400, True), (said, text(page)[-4000:])
    assert not Endorsement.objects.exists()


def test_an_instalment_is_paid_from_the_page(visitor):
    policy = insurance.policy(insurance.KASKO | {"instalments": 2}, customer_id=visitor.user.id)
    page = text(visitor.get(get_path(policy)))
    assert "Instalments" in page
    path = f"{get_path(policy)}instalment/"
    assert visitor.post(path, method="barter").status_code == 400
    assert Visitor("client").post(path, method="cash").status_code == 404
    assert not MoneyRequest.objects.exists()
    for key in ("a", "a", "b"):
        assert visitor.post(path, method="cash", key=key)["Location"] == get_path(policy)
    assert MoneyRequest.objects.get().amount == policy.instalments.get(number=2).amount
    assert "is being paid already" in text(visitor.get(get_path(policy)))


def test_a_suspended_policy_says_so_and_why(visitor):
    bought = timezone.now() - timedelta(days=200)
    policy = insurance.policy(insurance.KASKO | {"instalments": 2}, customer_id=visitor.user.id, now=bought)
    services.attend_instalment(policy_id=policy.id, now=timezone.now())
    page = text(visitor.get(get_path(policy)))
    assert "nothing after that day is covered" in page
    assert "Change the policy" not in page
    services.attend_instalment(policy_id=policy.id, now=timezone.now() + timedelta(days=60))
    assert "an instalment was not paid" in text(visitor.get(get_path(policy)))


def test_an_end_to_come_is_shown_with_what_will_come_back(visitor, policy):
    last = policy.end_date - timedelta(days=100)
    services.cancel_policy(policy_id=policy.id, last_date=last, now=timezone.now())
    page = visitor.get(get_path(policy))
    shown = page.context["policy"]
    assert (shown.cancel_date, shown.refund_amount) == (last, None)
    assert shown.refund_estimate > 0
    assert "Refund, as things stand" in text(page)


def test_it_ends_before_time_with_the_refund_that_was_shown(visitor, policy):
    page = visitor.get(get_path(policy))
    shown = page.context["policy"].refund_today
    form = make.hidden_fields(page, "key")
    for _ in range(2):
        assert visitor.post(f"{get_path(policy)}cancel/", **form)["Location"] == get_path(policy)
    policy.refresh_from_db()
    assert (policy.status, policy.refund_amount) == ("cancelled", shown)
    assert shown > Decimal(0)
    page = text(visitor.get(get_path(policy)))
    assert "End it before time" not in page
    visitor.post(f"{get_path(policy)}cancel/", key="later")
    assert "not possible in the present state" in text(visitor.get(get_path(policy)))


def test_the_next_term_is_quoted_in_the_last_days(visitor, policy):
    visitor.post(f"{get_path(policy)}renew/")
    assert "in the last sixty days" in text(visitor.get(get_path(policy)))
    old = insurance.policy(customer_id=visitor.user.id, now=timezone.now() - timedelta(days=330))
    assert "Quote the next term" in text(visitor.get(get_path(old)))
    answer = visitor.post(f"{get_path(old)}renew/")
    quote = Quote.objects.latest("created_at")
    assert answer["Location"] == f"/insurance/quotes/{quote.id}/"
    assert quote.asked.renewal_of == old.id


def test_a_report_is_taken_back_by_its_owner(visitor, policy):
    claim = insurance.claim(policy)
    assert "Withdraw the claim" in text(visitor.get("/insurance/"))
    path = f"/insurance/claims/{claim.id}/withdraw/"
    assert Visitor("client").post(path).status_code == 404
    assert Claim.objects.get().status != "withdrawn"
    assert visitor.post(path)["Location"] == "/insurance/"
    assert Claim.objects.get().status == "withdrawn"
    visitor.post(path)
    assert "not possible in the present state" in text(visitor.get("/insurance/"))


def test_others_policies_are_not_there(policy):
    stranger, guest = Visitor("client"), Visitor()
    assert stranger.get(get_path(policy)).status_code == 404
    assert guest.get(get_path(policy))["Location"].startswith("/sign-in/")
    for name in ("change", "instalment", "cancel", "renew"):
        assert stranger.post(f"{get_path(policy)}{name}/", **YOUNG).status_code == 404
        assert guest.post(f"{get_path(policy)}{name}/")["Location"].startswith("/sign-in/")
    assert stranger.get(f"/insurance/{uuid7()}/").status_code == 404
    assert Policy.objects.get().status == "active"

"""A policy's page: what it covers, one more driver, its end before time, the next term, a report taken back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from insurance.models import Claim, Endorsement, Policy, Quote
from insurance.tests import make as insurance
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "insurance"])
YOUNG = {"birth_date": "2005-05-20", "licence_since": "2024-06-01", "kbm": ""}


def text(response):
    return response.content.decode()


@pytest.fixture
def visitor():
    return Visitor("client")


@pytest.fixture
def policy(visitor):
    return insurance.policy(customer_id=visitor.user.id, now=timezone.now() - timedelta(days=30))


def path_of(policy):
    return f"/insurance/{policy.id}/"


def test_the_page_tells_what_the_policy_covers(visitor, policy):
    page = text(visitor.get(path_of(policy)))
    assert policy.number in page
    assert "born 1985-05-20" in page
    assert "of the premium comes back to you" in page
    assert "Quote the next term" not in page, "that is for its last sixty days"
    assert path_of(policy) in text(visitor.get("/insurance/"))


def test_one_more_driver_is_priced_first_and_paid_then(visitor, policy):
    path = f"{path_of(policy)}drivers/"
    priced = visitor.post(path, **YOUNG, key="a")
    assert priced.status_code == 400
    assert "is to be paid" in text(priced)
    assert 'name="method"' in text(priced)
    assert 'value="2005-05-20"' in text(priced)
    assert not Endorsement.objects.exists()
    for _ in range(2):
        assert visitor.post(path, **YOUNG, method="cash", key="b")["Location"] == path_of(policy)
    change = Endorsement.objects.get()
    assert (len(change.request["drivers"]), change.applied_at) == (2, None)
    again = visitor.post(path, **YOUNG, method="cash", key="c")
    assert (again.status_code, "still being paid for" in text(again)) == (409, True)


def test_a_driver_who_cannot_be_is_refused(visitor, policy):
    for changes, said in (
        ({"licence_since": ""}, "This field is required"),
        ({"licence_since": "2006-01-01"}, "before the age of"),
    ):
        page = visitor.post(f"{path_of(policy)}drivers/", **(YOUNG | changes))
        assert (page.status_code, said in text(page)) == (400, True)
        assert 'value="2005-05-20"' in text(page)
    assert not Endorsement.objects.exists()


def test_it_ends_before_time_with_the_refund_that_was_shown(visitor, policy):
    page = visitor.get(path_of(policy))
    shown = page.context["policy"].refund_today
    form = make.hidden_fields(page, "key")
    for _ in range(2):
        assert visitor.post(f"{path_of(policy)}cancel/", **form)["Location"] == path_of(policy)
    policy.refresh_from_db()
    assert (policy.status, policy.refund_amount) == ("cancelled", shown)
    assert shown > Decimal(0)
    page = text(visitor.get(path_of(policy)))
    assert "End it before time" not in page
    visitor.post(f"{path_of(policy)}cancel/", key="later")
    assert "not possible in the present state" in text(visitor.get(path_of(policy)))


def test_the_next_term_is_quoted_in_the_last_days(visitor, policy):
    visitor.post(f"{path_of(policy)}renew/")
    assert "in the last sixty days" in text(visitor.get(path_of(policy)))
    old = insurance.policy(customer_id=visitor.user.id, now=timezone.now() - timedelta(days=330))
    assert "Quote the next term" in text(visitor.get(path_of(old)))
    answer = visitor.post(f"{path_of(old)}renew/")
    quote = Quote.objects.latest("created_at")
    assert answer["Location"] == f"/insurance/quotes/{quote.id}/"
    assert quote.asked.renewal_of == old.id


def test_a_report_is_taken_back_by_its_owner(visitor, policy):
    claim = insurance.claim(policy)
    assert "Take the report back" in text(visitor.get("/insurance/"))
    path = f"/insurance/claims/{claim.id}/withdraw/"
    assert Visitor("client").post(path).status_code == 404
    assert Claim.objects.get().status != "withdrawn"
    assert visitor.post(path)["Location"] == "/insurance/"
    assert Claim.objects.get().status == "withdrawn"
    visitor.post(path)
    assert "not possible in the present state" in text(visitor.get("/insurance/"))


def test_others_policies_are_not_there(policy):
    stranger, guest = Visitor("client"), Visitor()
    assert stranger.get(path_of(policy)).status_code == 404
    assert guest.get(path_of(policy))["Location"].startswith("/sign-in/")
    for name in ("drivers", "cancel", "renew"):
        assert stranger.post(f"{path_of(policy)}{name}/", **YOUNG).status_code == 404
        assert guest.post(f"{path_of(policy)}{name}/")["Location"].startswith("/sign-in/")
    assert stranger.get(f"/insurance/{uuid7()}/").status_code == 404
    assert Policy.objects.get().status == "active"

"""Nobody is erased while an order, a loan, a policy, a claim, money or a car on the road still ties them to us."""

import pytest
from django.conf import settings as project
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

import financing.tests.make
import insurance.tests.make
import orders.tests.make
import showroom.tests.make
from accounts import services
from accounts.errors import OpenObligations
from accounts.models import User
from accounts.tests import make
from core.ids import uuid7
from core.outside.asking import PeerAway
from core.testing import Api
from financing.models import Application, Loan
from financing.services import disburse_loan
from insurance.models import Policy
from messaging.peering import peers, reads
from messaging.people import personal
from messaging.testing import capture_events
from showroom.services import confirm_drive
from storefront.tests.make import PASSWORD, Visitor

pytestmark = pytest.mark.django_db(databases=project.APPS)


def an_order(person):
    made = orders.tests.make.order(customer_id=person)
    return "order", made.id, made.number


def an_application(person):
    financing.tests.make.programme()
    made = financing.tests.make.application(of=financing.tests.make.order(customer_id=person))
    return "application", made.id, ""


def a_policy(person):
    made = insurance.tests.make.policy(customer_id=person)
    return "policy", made.id, made.number


def a_loan(person):
    financing.tests.make.programme()
    order, attempt = financing.tests.make.order(customer_id=person), uuid7()
    financing.tests.make.requested(order, attempt_id=attempt)
    disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    return "loan", Loan.objects.get(customer_id=person).id, ""


def a_car_on_the_road(person):
    drive = showroom.tests.make.drive(showroom.tests.make.car(), person, hours=0.01)
    confirm_drive(drive_id=drive.id, now=timezone.now())
    Api("manager").post(f"/test-drives/{drive.id}/hand-over", PAPERS)
    return "test_drive", drive.id, ""


PAPERS = {"licence_last4": "1234", "licence_valid_until": "2099-01-01", "odometer": 100, "waiver_signed": True}
TIES = [an_order, an_application, a_loan, a_policy, a_car_on_the_road]


def erase_by_service(person):
    with pytest.raises(OpenObligations) as refused:
        services.erase_user(user_id=person.id, now=timezone.now())
    return refused.value.detail


def erase_by_api(person):
    answer = make.api(make.user("admin")).delete(f"/users/{person.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "open_obligations")
    return answer.json()["detail"]


def erase_by_admin(person):
    boss = User.objects.create_superuser(email="boss@example.com", password=PASSWORD)
    browser = Browser()
    browser.force_login(boss, backend="accounts.backends.EmailBackend")
    chosen = {"action": "erase", "confirmed": "yes", "_selected_action": str(person.pk)}
    answer = browser.post(reverse("admin:accounts_user_changelist"), chosen, follow=True)
    (message,) = answer.context["messages"]
    assert message.level_tag == "error"
    return message.message


def erase_by_page(person):
    visitor = Visitor()
    visitor.client.force_login(person, backend="accounts.backends.EmailBackend")
    answer = visitor.post("/account/", do="leave", old_password=make.PASSWORD)
    assert answer.status_code == 409
    return answer.content.decode()


DOORS = [erase_by_service, erase_by_api, erase_by_admin, erase_by_page]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_waits_and_says_for_what(door):
    person = make.user()
    _, _, number = a_policy(person.id)
    with capture_events("accounts") as events:
        assert number in door(person)
    person.refresh_from_db()
    assert (person.erased_at, person.is_active) == (None, True)
    assert "user.deactivated" not in events


@pytest.mark.parametrize("tie", TIES)
def test_each_tie_is_listed(tie):
    person = make.user()
    kind, subject_id, number = tie(person.id)
    answer = make.api(make.user("admin")).delete(f"/users/{person.id}")
    assert answer.status_code == 409
    assert answer.json()["obligations"] == [{"kind": kind, "id": str(subject_id), "number": number}]
    User.objects.get(pk=person.pk, erased_at__isnull=True)


def test_a_claim_ties_longer_than_its_policy():
    person = make.user()
    policy = insurance.tests.make.policy(customer_id=person.id)
    claim = insurance.tests.make.claim(policy)
    Policy.objects.update(status="expired")
    assert [(tie.kind, tie.id) for tie in reads.leaving(person.id, uuid7())] == [("claim", claim.id)]


def test_what_is_over_ties_nobody():
    person = make.user()
    an_application(person.id)
    Application.objects.update(status="withdrawn")
    a_policy(person.id)
    Policy.objects.update(status="expired")
    services.erase_user(user_id=person.id, now=timezone.now())
    assert User.objects.get(pk=person.pk).erased_at


def test_what_ties_others_ties_nobody_else():
    for tie in TIES:
        tie(make.user().id)
    assert reads.leaving(make.user().id, uuid7()) == []


def test_an_app_that_cannot_be_asked_is_not_taken_for_a_no(monkeypatch):
    person = make.user()

    def away(*_):
        raise PeerAway

    monkeypatch.setattr(peers, "is_here", lambda app: app != "financing")
    monkeypatch.setattr(peers, "ask", away)
    with pytest.raises(PeerAway):
        services.erase_user(user_id=person.id, now=timezone.now())
    assert User.objects.get(pk=person.pk).erased_at is None


def test_every_app_with_business_says_what_ties():
    assert personal.obliging_apps() == ["financing", "insurance", "orders", "payments", "showroom"]

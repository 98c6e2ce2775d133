"""The screens of commission: administrators write rules and correct, salesmen see their own, months come as CSV."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import accounts.tests.make
from core.clock import dealer_day
from gateway.models import Approval
from orders.models import Commission, CommissionRule
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])


def browser(role):
    person, client = accounts.tests.make.user(role), Client(headers={"Accept-Language": "en"})
    client.force_login(person)
    client.person = person
    return client


@pytest.fixture
def admin():
    return browser("admin")


@pytest.fixture
def salesman():
    return browser("manager")


def page(name, *ids):
    return reverse(f"admin:orders_{name}", args=ids)


def handed_over(who):
    make.commission_rule("vehicle", "percent_of_price", "1")
    make.completed(manager_id=who.person.id)
    return Commission.objects.latest("id")


def test_an_administrator_writes_a_rule_that_waits(admin):
    tomorrow = dealer_day(timezone.now()) + timedelta(days=1)
    terms = {"goods": "policy", "basis": "fixed", "value": "700", "valid_from": str(tomorrow), "reason": "a plan"}
    answer = admin.post(page("commissionrule_add"), terms, follow=True)
    assert "second person" in answer.content.decode()
    assert Approval.objects.using("orders").get().kind == "orders.commission_rule"
    assert CommissionRule.objects.count() == 0
    refused = admin.post(page("commissionrule_add"), terms | {"basis": "percent_of_price", "value": "7"})
    assert "earns a fixed sum" in refused.content.decode()
    assert Approval.objects.using("orders").count() == 1


def test_rules_are_the_administrators_alone(admin, salesman):
    rule = make.commission_rule()
    for path in (page("commissionrule_changelist"), page("commissionrule_add"), page("commissionrule_change", rule.pk)):
        assert salesman.get(path).status_code == 403
        assert admin.get(path).status_code == 200


def test_a_salesman_sees_their_own_with_its_calculation(admin, salesman):
    mine, others = handed_over(salesman), handed_over(browser("manager"))
    listed = salesman.get(page("commission_changelist")).content.decode()
    assert mine.order.number in listed
    assert others.order.number not in listed
    shown = salesman.get(page("commission_change", mine.pk)).content.decode()
    assert "1.00 % of 1,000,000.00" in shown.replace("\xa0", ",")
    assert salesman.get(page("commission_change", others.pk)).status_code == 302
    assert admin.get(page("commission_change", others.pk)).status_code == 200


def test_bases_stay_with_those_who_may_see_costs(salesman, settings):
    settings.COSTS_SEEN_BY = "admins"
    mine = handed_over(salesman)
    assert "% of" not in salesman.get(page("commission_change", mine.pk)).content.decode()


def test_months_come_as_a_table_and_as_csv(admin, salesman):
    handed_over(salesman)
    handed_over(browser("manager"))
    month = dealer_day(timezone.now()).strftime("%Y-%m")
    path = page("commission_months")
    for who, count in ((salesman, 1), (admin, 2)):
        shown = who.get(path)
        assert shown.content.decode().count('<th scope="row">') == count
        sent = b"".join(who.get(path, {"month": month, "file": "csv"}).streaming_content).decode()
        assert len(sent.strip().splitlines()) == 1 + count
        assert "10000.00" in sent
    assert "Nobody earned anything" in admin.get(path, {"month": "2020-01"}).content.decode()
    assert admin.get(path, {"month": "soon"}).status_code == 400


def test_a_correction_on_the_screen_waits_for_a_second_administrator(admin, salesman):
    entry = handed_over(salesman)
    path = page("commission_correct", entry.pk)
    answer = admin.post(path, {"amount": "-500.00", "reason": "shared", "_form_submitted": "on"}, follow=True)
    assert "second person" in answer.content.decode()
    request = Approval.objects.using("orders").get(kind="orders.commission")
    assert (request.amount, request.args["amount"]) == (Decimal(500), "-500.00")
    assert salesman.post(path, {"amount": "500.00", "reason": "mine"}).status_code == 403
    assert Commission.objects.filter(kind="corrected").count() == 0

"""The managers' screens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from insurance import services
from insurance.models import Claim, Policy, Quote
from insurance.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "insurance"])


@pytest.fixture
def screens():
    browser = Client()
    browser.force_login(get_user_model().objects.create(email="admin@example.com", roles=["admin"]))
    return browser


def act(screens, model, name, *rows):
    ids = [str(row.pk) for row in rows]
    return screens.post(f"/admin/insurance/{model}/", {"action": name, "_selected_action": ids}, follow=True)


def test_every_list_and_card_opens(screens):
    claim = make.claim()
    for row in (claim, claim.policy, claim.policy.quote):
        path = f"/admin/insurance/{row._meta.model_name}/"
        assert screens.get(path).status_code == 200
        assert screens.get(f"{path}{row.pk}/change/").status_code == 200
        assert screens.get(f"{path}?q={row.pk}").status_code == 200


@pytest.mark.parametrize("size", [2, 20])
def test_the_queue_costs_the_same_whatever_its_length(screens, size):
    for _ in range(size):
        make.claim()
    with CaptureQueriesContext(connections["insurance"]) as queries:
        screens.get("/admin/insurance/claim/")
    assert len(queries) <= 4


def test_actions_go_through_the_services(screens):
    now = datetime.now(UTC) - timedelta(days=30)
    claim, raw = make.claim(make.policy(now=now)), make.claim(make.policy(now=now))
    services.assess_claim(claim_id=claim.id, found=services.Assessment(amount=Decimal(50_000)), now=now)
    act(screens, "claim", "approve", claim, raw)
    assert [Claim.objects.get(pk=item.pk).status for item in (claim, raw)] == ["approved", "opened"]
    act(screens, "policy", "cancel", raw.policy)
    assert Policy.objects.get(pk=raw.policy_id).status == "cancelled"


def test_nothing_is_edited_by_hand():
    for model in (Quote, Policy, Claim):
        screen = site._registry[model]
        assert not screen.has_change_permission(None)
        assert not screen.has_add_permission(None)

"""The managers' screens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from insurance import services
from insurance.models import Claim, Policy, Quote, VehicleCopy
from insurance.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "insurance"])


@pytest.fixture
def screens():
    browser = Client()
    browser.force_login(get_user_model().objects.create(email="admin@example.com", roles=["admin"]))
    return browser


def act(screens, model, name, *rows):
    ids = [str(row.pk) for row in rows]
    return screens.post(
        f"/admin/insurance/{model}/", {"action": name, "confirmed": "yes", "_selected_action": ids}, follow=True
    )


def test_every_list_and_card_opens(screens):
    claim = make.claim()
    for row in (claim, claim.policy, claim.policy.quote):
        path = f"/admin/insurance/{row._meta.model_name}/"
        assert screens.get(path).status_code == 200
        assert screens.get(f"{path}{row.pk}/change/").status_code == 200
        assert screens.get(f"{path}?q={row.pk}").status_code == 200


def test_the_copy_of_our_cars_is_read_and_found_by_its_vin(screens):
    VehicleCopy.objects.create(product_id=uuid7(), vin="XTA210990Y2766389", make="Lada", price=1, currency="RUB")
    other = VehicleCopy.objects.create(
        product_id=uuid7(), vin="XTA210990Y2766390", price=1, currency="RUB", power_hp=90
    )
    path = "/admin/insurance/vehiclecopy/"
    for query in (other.vin.lower(), str(other.pk)):
        page = screens.get(path, {"q": query}).content.decode()
        assert (other.vin in page, "XTA210990Y2766389" in page) == (True, False)
    assert "XTA210990Y2766389" in screens.get(path, {"power_hp__isempty": "1"}).content.decode()
    assert screens.get(f"{path}{other.pk}/change/").status_code == 200
    assert screens.get(f"{path}add/").status_code == 403
    assert screens.post(f"{path}{other.pk}/change/", {"power_hp": "1"}).status_code == 403


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


def press(screens, row, button, **filled):
    path = f"/admin/insurance/{row._meta.model_name}/{row.pk}/{button}/"
    assert screens.get(path).status_code == 200
    return screens.post(path, filled | {"_form_submitted": "on"})


def test_a_claim_is_judged_on_its_page(screens):
    claim = make.claim()
    assert press(screens, claim, "assess", amount="").status_code == 200  # the dialog again
    claim.refresh_from_db()
    assert claim.status == "opened"
    assert press(screens, claim, "assess", amount="60000.00", salvage_amount="", is_total_loss="no").status_code == 302
    claim.refresh_from_db()
    assert (claim.status, claim.payable_amount, claim.is_total_loss) == ("assessing", 50_000, False)
    press(screens, claim, "assess", amount="1700000.00", market_value="2000000.00")
    claim.refresh_from_db()
    assert (claim.is_total_loss, claim.payable_amount) == (True, 1_990_000)
    assert press(screens, claim, "reject", reason="").status_code == 200
    press(screens, claim, "reject", reason="Drunk.")
    claim.refresh_from_db()
    assert (claim.status, claim.reason) == ("rejected", "Drunk.")
    press(screens, claim, "reopen", reason="A witness was found.")
    claim.refresh_from_db()
    assert (claim.status, claim.reopened_times) == ("reopened", 1)


def test_a_policy_is_ended_on_its_page(screens):
    policy = make.policy()
    press(screens, policy, "end", last_date="2020-01-01")
    policy.refresh_from_db()
    assert policy.status == "active"
    press(screens, policy, "end", reason="sold", last_date=str(policy.end_date - timedelta(days=30)), event_date="")
    policy.refresh_from_db()
    assert (policy.status, policy.cancel_reason) == ("cancel_scheduled", "sold")
    act(screens, "policy", "keep", policy)
    policy.refresh_from_db()
    assert policy.status == "active"


def test_two_managers_grant_what_is_large(screens):
    claim = make.claim(make.policy(), amount="900000.00")
    make.papers(claim, "photo")
    press(screens, claim, "assess", amount="900000.00", kind="glass")
    other = Client()
    other.force_login(get_user_model().objects.create(email="second@example.com", roles=["manager"]))
    for browser, status in ((screens, "assessing"), (screens, "assessing"), (other, "approved")):
        act(browser, "claim", "approve", claim)
        claim.refresh_from_db()
        assert claim.status == status


@pytest.mark.parametrize("roles", [["client"], None])
def test_nobody_else_presses_a_button(screens, roles):
    claim = make.claim()
    stranger = Client()
    if roles is not None:
        stranger.force_login(get_user_model().objects.create(email="someone@example.com", roles=roles))
    buttons = {claim: ("assess", "reject", "reopen"), claim.policy: ("end",)}
    for row, names in buttons.items():
        path = f"/admin/insurance/{row._meta.model_name}/"
        assert stranger.get(path).status_code == 302
        for name in names:
            sent = {"amount": "1.00", "reason": "why not", "_form_submitted": "on"}
            assert stranger.post(f"{path}{row.pk}/{name}/", sent).status_code in (302, 403)
        for name in ("approve", "pay", "close", "cancel", "reinstate"):
            act(stranger, row._meta.model_name, name, row)
    before = (claim.status, claim.version, claim.policy.status, claim.policy.version)
    claim = Claim.objects.select_related("policy").get(pk=claim.pk)
    assert (claim.status, claim.version, claim.policy.status, claim.policy.version) == before


def test_nothing_is_edited_by_hand():
    for model in (Quote, Policy, Claim):
        screen = site._registry[model]
        assert not screen.has_change_permission(None)
        assert not screen.has_add_permission(None)

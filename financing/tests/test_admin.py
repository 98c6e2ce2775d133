"""The managers' screens."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from financing import services
from financing.models import Application, CreditLimit, Loan, Programme
from financing.tests import make
from gateway.approvals import approve
from gateway.models import Approval
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["accounts", "financing"])


@pytest.fixture
def screens():
    admin = get_user_model().objects.create(email="admin@example.com", roles=["admin"])
    browser = Client()
    browser.force_login(admin)
    return browser


def act(screens, name, *applications):
    ids = [str(item.pk) for item in applications]
    return screens.post(
        "/admin/financing/application/", {"action": name, "confirmed": "yes", "_selected_action": ids}, follow=True
    )


def test_every_list_and_card_opens(screens):
    known = make.programme(rates={3: Decimal(1)})
    order = make.order()
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=timezone.now())
    for model, row in ((Programme, known), (Application, application), (Loan, Loan.objects.get())):
        path = f"/admin/financing/{model._meta.model_name}/"
        assert screens.get(path).status_code == 200
        assert screens.get(f"{path}{row.pk}/change/").status_code == 200
        assert screens.get(f"{path}?q={row.pk}").status_code == 200


def all_agreed():
    """A second person agrees to all that waits."""
    for request in Approval.objects.using("financing").filter(state="waiting"):
        approve(alias="financing", approval_id=request.pk, person_id=uuid7(), now=timezone.now())


def test_limits_are_added_and_the_quarter_is_shown(screens):
    make.programme(bank="Northern")
    path, day = "/admin/financing/creditlimit/", dealer_day(timezone.now())
    row = {"kind": "share_50_80", "bank": "", "value": "20", "source": "the press"}
    row |= {"valid_from": day, "valid_to": day + timedelta(days=1)}
    assert screens.post(f"{path}add/", row).status_code == 302
    assert screens.post(f"{path}add/", row | {"kind": "quarter_plan", "value": "10000000"}).status_code == 302
    assert not CreditLimit.objects.exists()
    all_agreed()
    application = make.application(**make.DTI_REVIEW)
    services.approve_application(application_id=application.pk, manager_id=uuid7(), now=timezone.now())
    page = screens.get(f"{path}quarter/", follow=True, headers={"accept-language": "en"}).content.decode()
    for shown in ("Northern", "1500000.00", "10000000.000", "15.000", "20.000", "500000.00"):
        assert shown in page
    listed = screens.get(path).content.decode()
    assert "the press" in listed
    kept = CreditLimit.objects.get(kind="share_50_80")
    assert screens.get(f"{path}{kept.pk}/change/").status_code == 200
    assert screens.post(f"{path}{kept.pk}/change/", row | {"value": "99"}).status_code == 403
    wrong = screens.post(f"{path}add/", row | {"valid_to": day - timedelta(days=1)}, follow=True)
    assert (wrong.status_code, CreditLimit.objects.count()) == (200, 2)


@pytest.mark.parametrize("size", [2, 20])
def test_the_queue_costs_the_same_whatever_its_length(screens, size):
    make.programme()
    for _ in range(size):
        make.application()
    with CaptureQueriesContext(connections["financing"]) as queries:
        screens.get("/admin/financing/application/")
    assert len(queries) <= 4


def test_the_underwriter_decides_through_the_services(screens):
    make.programme()
    review, other, decided = (
        make.application(**make.DTI_REVIEW),
        make.application(**make.DTI_REVIEW),
        make.application(),
    )
    act(screens, "approve", review, decided)
    act(screens, "reject", other)
    statuses = [Application.objects.get(pk=item.pk).status for item in (review, other, decided)]
    assert statuses == ["approved", "rejected", "approved"]
    assert published("financing")[-2:] == ["financing.approved", "financing.rejected"]


def test_a_change_of_a_programme_makes_a_new_version(screens):
    known = make.programme()
    path = f"/admin/financing/programme/{known.pk}/change/"
    form = screens.get(path).context["adminform"].form
    data = {name: "" if value is None else value for name, value in form.initial.items() if name in form.fields}
    data |= {
        "base_rate": "16",
        "allocation_order": json.dumps(known.allocation_order),
        "initial-residual_limits": json.dumps(known.residual_limits),
        "residual_limits": "",
        "rates-TOTAL_FORMS": 0,
        "rates-INITIAL_FORMS": 0,
    }
    texts = {name: str(value) if value is not False else "" for name, value in data.items()}
    response = screens.post(path, texts | {"required_documents": ["passport"]})
    assert response.status_code == 302, response.context["adminform"].form.errors
    known.refresh_from_db()
    assert (known.base_rate, known.version) == (15, 1)
    all_agreed()
    known.refresh_from_db()
    assert (known.base_rate, known.version, known.required_documents) == (16, 2, ["passport"])
    assert known.residual_limits == []


def test_nothing_but_programmes_is_edited_by_hand():
    for model in (Application, Loan):
        screen = site._registry[model]
        assert not screen.has_change_permission(None)
        assert not screen.has_add_permission(None)

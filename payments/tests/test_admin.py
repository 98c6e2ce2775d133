from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from accounts.tests.make import user as person
from core.ids import uuid7
from gateway.approvals import approve
from gateway.models import Approval
from messaging.testing import capture_events, drain_outbox
from payments.models import LegalEntity, Payment, Refund, RefundStatus, Status
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "payments"])
SCREENS = [
    "payment", "refund", "ledgerentry", "ledgeraccount", "webhookevent", "ordercopy", "dispute",
    "reconciliation", "payout", "legalentity",
]  # fmt: skip


@pytest.fixture
def admin():
    client = Client()
    user = get_user_model().objects.create_superuser("boss@example.com", "pass-word-1")
    client.force_login(user, backend="accounts.backends.EmailBackend")
    return client


def act(admin, screen, action, *rows):
    data = {"action": action, "confirmed": "yes", "_selected_action": [str(row.pk) for row in rows]}
    return admin.post(f"/admin/payments/{screen}/", data, follow=True)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_shows_and_searches_at_a_constant_cost(admin, screen, django_assert_max_num_queries):
    for _ in range(12):
        payment = make.paid(method="cash")
        make.refund(payment, "5.00")
    with django_assert_max_num_queries(6, using="payments"):
        assert admin.get(f"/admin/payments/{screen}/").status_code == 200
    assert admin.get(f"/admin/payments/{screen}/?q={payment.order_id}").status_code == 200
    assert admin.get(f"/admin/payments/{screen}/?q=nonsense").status_code == 200


def test_one_payment_shows_its_refunds_and_cannot_be_edited(admin):
    payment = make.paid(method="cash")
    make.refund(payment, "5.00")
    path = f"/admin/payments/payment/{payment.pk}/change/"
    page = admin.get(path).content.decode()
    assert "a scratch" in page
    assert admin.post(path, {"status": "refunded"}).status_code == 403
    assert admin.post(f"/admin/payments/payment/{payment.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get("/admin/payments/payment/add/").status_code == 403
    assert make.again(payment).status == Status.PARTIALLY_REFUNDED


def test_actions_go_through_the_services(admin):
    payment = make.payment(make.order(total="100.00"), method="cash")
    with capture_events("payments") as more:
        act(admin, "payment", "capture", payment)
        act(admin, "payment", "refund", payment)
    assert more == ["payment.completed", "payment.refunded"]
    page = act(admin, "payment", "cancel", payment)
    assert make.again(payment).status == Status.REFUNDED
    said = [str(item) for item in page.context["messages"]]
    assert [text.partition(":")[0] for text in said] == ["2026-000001, 100,00\u00a0₽"], "no ids: people know the order"


def test_a_manager_cannot_approve_their_own_large_refund(admin):
    payment = make.paid(method="cash", amount=Decimal(900_000))
    act(admin, "payment", "refund", payment)
    refund = Refund.objects.get()
    act(admin, "refund", "approve", refund)
    assert make.again(refund).status == RefundStatus.REQUESTED
    act(admin, "refund", "reject", refund)
    assert make.again(refund).status == RefundStatus.REJECTED
    act(admin, "refund", "retry", refund)
    assert Payment.objects.get().refund_pending == 0


def requisites(**changes):
    """What the form of a legal entity sends: its boxes, and no row of the history."""
    boxes = make.ENTITY | {"regimes": "2025-01-01; general", "is_default": "on"} | changes
    return boxes | {f"revisions-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}


def test_requisites_are_written_on_the_screen_and_wait_for_a_second_person(admin):
    page = admin.post("/admin/payments/legalentity/add/", requisites(), follow=True)
    assert not LegalEntity.objects.exists()
    (request,) = Approval.objects.using("payments").all()
    assert (request.kind, request.number) == ("payments.legal_entity", make.ENTITY["name"])
    assert [item.level_tag for item in page.context["messages"]] == ["warning"]
    approve(alias="payments", approval_id=request.pk, person_id=uuid7(), now=timezone.now())
    path = f"/admin/payments/legalentity/{LegalEntity.objects.get().pk}/change/"
    assert make.ENTITY["account"] in admin.get(path).content.decode()
    admin.post(path, requisites(director="Петров П. П."))
    assert LegalEntity.objects.get().director == "Петров П. П.", "one person may name the head"
    admin.post(path, requisites(account="40702810000000000010"))
    assert LegalEntity.objects.get().account == make.ENTITY["account"]


@pytest.mark.parametrize(("wrong", "field"), [
    ({"inn": "7707083894"}, "inn"), ({"account": "40702810000000000011"}, "account"), ({"regimes": "now"}, "regimes"),
    ({"regimes": "\n".join(f"20{year}-01-01; general" for year in range(10, 31))}, "regimes"),
])  # fmt: skip
def test_mistyped_requisites_are_named_beside_their_box(admin, wrong, field):
    page = admin.post("/admin/payments/legalentity/add/", requisites(**wrong))
    assert (page.status_code, list(page.context["adminform"].form.errors)) == (200, [field])
    assert not Approval.objects.using("payments").exists()


def test_managers_look_at_requisites_and_write_none(client):
    entity = make.legal_entity()
    client.force_login(person("manager"), backend="accounts.backends.EmailBackend")
    path = f"/admin/payments/legalentity/{entity.pk}/change/"
    assert client.post(path, requisites(director="Петров П. П.")).status_code == 403
    assert client.get("/admin/payments/legalentity/add/").status_code == 403
    assert client.post(f"/admin/payments/legalentity/{entity.pk}/delete/", {"post": "yes"}).status_code == 403


def settle(admin, payment, action, reason, **more):
    path = f"/admin/payments/payment/{payment.pk}/{action}/"
    return admin.post(path, {"reason": reason, "_form_submitted": "on"}, **more)


def test_settling_by_evidence_asks_for_it_and_keeps_it(admin):
    payment = make.payment(token="tok_timeout")
    drain_outbox("payments")
    with capture_events("payments") as more:
        assert settle(admin, payment, "taken", "").status_code == 200  # the dialog again
    assert (more, make.again(payment).status) == ([], Status.UNKNOWN)
    with capture_events("payments") as more:
        assert settle(admin, payment, "taken", "statement 17 of 21 Nov").status_code == 302
    assert more == ["payment.completed"]
    settled = make.again(payment)
    assert (settled.status, settled.failure_detail) == (Status.COMPLETED, "statement 17 of 21 Nov")
    assert settled.confirmed_by == get_user_model().objects.get().pk
    page = settle(admin, payment, "not_taken", "changed my mind", follow=True)
    assert page.status_code == 200
    assert make.again(payment).status == Status.COMPLETED


def test_nobody_else_settles(client):
    payment = make.payment(token="tok_timeout")
    drain_outbox("payments")
    assert settle(client, payment, "taken", "statement 17").status_code in (302, 403)
    assert make.again(payment).status == Status.UNKNOWN


def test_reports_are_downloaded(admin):
    difference = {"kind": "charge", "id": "x", "there": "999.00", "here": "1000.00"}
    report = make.reconciliation(charged_there=999, charged_here=1000, differences=[difference])
    lines = act(admin, "reconciliation", "download", report).content.decode().splitlines()
    assert lines == [
        "day,provider,what,id,there,here",
        "2026-11-20,sandbox,charged,,999.00,1000.00",
        "2026-11-20,sandbox,returned,,0.00,0.00",
        "2026-11-20,sandbox,charge_differs,x,999.00,1000.00",
    ]

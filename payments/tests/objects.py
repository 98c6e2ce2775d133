"""Make one object of each kind of payments for a given user, for the table of permissions."""

from contextlib import suppress
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from gateway.approvals import Waits, waits_for
from payments import services
from payments.models import LegalEntity
from payments.tests import make
from payments.tests.receipts import drawn_up
from tests.permissions.objects import Ids, made_by


@made_by("/payments", "/transactions")
def payment(owner: UUID) -> Ids:
    of = make.order(customer_id=owner)
    return [str(make.paid(of, method="cash").id)]


@made_by("/ledger/accounts")
def ledger_account(owner: UUID) -> Ids:
    make.paid(make.order(customer_id=owner), method="cash")
    return ["cash"]


@made_by("/reconciliations")
def reconciliation(owner: UUID) -> Ids:
    return [str(make.reconciliation().id)]


@made_by("/receipts")
def receipt(owner: UUID) -> Ids:
    return [str(drawn_up(owner).id)]


@made_by("/payments/webhooks/{}")
def provider(owner: UUID) -> Ids:
    return ["sandbox"]


@made_by("/refunds")
def refund(owner: UUID) -> Ids:
    return [str(make.refund(make.paid(make.order(customer_id=owner), method="cash")).id)]


@made_by("/payment-methods")
def payment_method(owner: UUID) -> Ids:
    stored = services.store_method(customer_id=owner, method="card", token="tok_success", now=timezone.now())
    return [str(stored.id)]


@made_by("/approvals")
def approval(owner: UUID) -> Ids:
    payment = make.payment(make.order(total="9000000.00", customer_id=owner), method="cash")
    with suppress(Waits):
        services.capture_payment(payment_id=payment.id, actor_id=uuid7(), now=timezone.now())
    return [str(request.id) for request in waits_for("payments", payment.id)]


@made_by("/legal-entities")
def legal_entity(owner: UUID) -> Ids:
    return [str(make.legal_entity(code=f"Т{LegalEntity.objects.count()}").id)]

"""Declare what payments holds of a person, and what erasure leaves of it."""

from uuid import UUID

from django.db.models import Q

from accounts.events import UserDeleted, UserStayed
from messaging.people.classified import forgets, plain
from messaging.people.departures import open_door
from messaging.people.personal import Obligation, delete, erase, holds, obliges
from messaging.subscriptions import subscribe
from payments.models import (
    Dispute,
    LedgerEntry,
    LedgerLine,
    LegalEntity,
    LegalEntityRevision,
    OrderAccount,
    OrderCopy,
    Payment,
    PaymentMethod,
    Payout,
    PayoutStatus,
    Receipt,
    ReceiptLine,
    ReceiptStep,
    Reconciliation,
    Refund,
    RefundStatus,
    WebhookEvent,
)


def _of_their_orders(user_id: UUID) -> Q:
    """An order's account has its id alone."""
    return Q(order_id__in=OrderCopy.objects.filter(customer_id=user_id).values("order_id"))


holds(Payment, blank={"description": "", "action_url": "", "failure_detail": ""})
holds(PaymentMethod, erase=delete)
holds(Refund, blank={"reason": "", "failure_detail": ""})
holds(Payout, blank={"reason": "", "payee": "", "failure_detail": ""})
holds(Dispute, owner="payment__customer_id")
holds(LedgerLine, owner="entry__customer_id")
holds(Receipt, blank={"contact": "", "reason": "", "failure_detail": ""})
holds(ReceiptLine, owner="receipt__customer_id")
holds(ReceiptStep, owner="receipt__customer_id")
holds(OrderAccount, owner=_of_their_orders, blank={"reason": ""})


_COMING = (RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.SUBMITTED)


def _obligations(user_id: UUID) -> list[Obligation]:
    """Money on its way to the person."""
    refunds = Refund.objects.filter(customer_id=user_id, status__in=_COMING).order_by("pk")
    payouts = Payout.objects.filter(customer_id=user_id, status=PayoutStatus.SUBMITTED).order_by("pk")
    return [
        *(Obligation("refund", refund_id) for refund_id in refunds.values_list("pk", flat=True)),
        *(Obligation("payout", payout_id) for payout_id in payouts.values_list("pk", flat=True)),
    ]


obliges("payments", _obligations)

plain(OrderCopy, "number currency status")
plain(Payment, "provider provider_ref currency failure_code")
plain(Dispute, "provider provider_ref")
plain(Payout, "currency provider provider_ref failure_code")
plain(
    Receipt,
    "operator operator_ref currency fiscal_number fiscal_sign storage_number failure_code basis_number basis_date",
)
plain(ReceiptLine, "name subject marking_code supplier_name supplier_inn supplier_phone")
plain(ReceiptStep, "code")
plain(Refund, "currency provider_ref failure_code")
plain(LedgerEntry, "currency")
plain(
    LegalEntity,
    "code name address inn kpp ogrn bank_name bik account correspondent_account regimes",
)
plain(LegalEntityRevision, "facts")
forgets(LegalEntity, "director accountant", by="payments.services.update_legal_entity")
plain(Reconciliation, "provider day differences")
plain(WebhookEvent, "provider event_id type notice detail")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what payments and its log tell of a person; rows of money and their ids stay."""
    erase("payments", event.user_id)


@subscribe(UserStayed)
def let_in_again(event: UserStayed) -> None:
    """Let new business begin again for somebody who was not erased after all."""
    open_door("payments", event.user_id, event.closing_id)

"""Paths of the payments API."""

from django.urls import re_path

from gateway.api import Router
from payments.api.books import LedgerAccountViewSet, ReconciliationViewSet, TransactionViewSet
from payments.api.legal_entities import LegalEntityViewSet
from payments.api.receipts import ReceiptViewSet
from payments.api.views import (
    PaymentMethodViewSet,
    PaymentViewSet,
    RefundViewSet,
    WebhookView,
)

router = Router()
router.register("payment-methods", PaymentMethodViewSet, basename="payment-methods")
router.register("payments", PaymentViewSet, basename="payments")
router.register("receipts", ReceiptViewSet, basename="receipts")
router.register("refunds", RefundViewSet, basename="refunds")
router.register("transactions", TransactionViewSet, basename="transactions")
router.register("ledger/accounts", LedgerAccountViewSet, basename="ledger-accounts")
router.register("legal-entities", LegalEntityViewSet, basename="legal-entities")
router.register("reconciliations", ReconciliationViewSet, basename="reconciliations")

urlpatterns = [
    *router.urls,
    re_path(r"^payments/webhooks/(?P<provider>[a-z0-9_-]{1,40})/?$", WebhookView.as_view(), name="payment-webhooks"),
]

"""Payments' side of a conversation, for tests that have no payments."""

from django.utils import timezone

from insurance import services
from insurance.models import MoneyRequest


def settle(request, *, is_paid=True, code="", detail=""):
    """Answer one request the way payments would."""
    settle_one = services.settle_payout if request.kind in ("refund", "payout") else services.settle_charge
    settle_one(request_id=request.id, is_paid=is_paid, code=code, detail=detail, now=timezone.now())
    request.refresh_from_db()


def asked(**wanted):
    """The newest request for money like this."""
    return MoneyRequest.objects.filter(**wanted).order_by("-created_at", "-id").first()

"""Read the banks' answers for an application."""

from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Now

from financing.models import BankOffer

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class _Clocked(TypedDict):
    is_expired: bool


def list_offers(application_id: UUID) -> "QuerySet[WithAnnotations[BankOffer, _Clocked]]":
    """All answers for an application, the cheapest first; `is_expired` by the database's clock."""
    is_expired = Coalesce(ExpressionWrapper(Q(expires_at__lte=Now()), BooleanField()), Value(False))
    offers = BankOffer.objects.filter(application_id=application_id).select_related("programme", "application")
    return offers.annotate(is_expired=is_expired).order_by(F("psk").asc(nulls_last=True), "pk")

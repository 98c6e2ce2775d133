"""Stored payment methods: tokens of the provider, nothing else."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.secrecy.cards import refuse_card_numbers
from payments.commands import BY_HAND
from payments.models import PaymentMethod


def store_method(*, customer_id: UUID, method: str, token: str, now: datetime) -> PaymentMethod:
    """Keep a token for later. Raises CardNumberRefused, and InvalidInput for a method that has no token."""
    refuse_card_numbers([token])
    if method in BY_HAND:
        raise InvalidInput("method", "invalid", _("Only cards and accounts of the fast payment system are stored."))
    with transaction("payments"):
        return PaymentMethod.objects.create(customer_id=customer_id, method=method, token=token, created_at=now)


def forget_method(*, method_id: UUID, customer_id: UUID) -> None:
    """Delete a stored method; payments made with it stay. Raises NotFound."""
    with transaction("payments"):
        deleted, _ = PaymentMethod.objects.filter(pk=method_id, customer_id=customer_id).delete()
        if not deleted:
            raise NotFound

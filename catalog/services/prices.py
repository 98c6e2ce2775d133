"""Prices that change later."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from catalog.approvals import PRICE_CAME_DUE
from catalog.models import Product, ScheduledPrice
from catalog.services.products import lock_product, update_product
from catalog.services.seconding import admit_later_price
from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.money import money
from gateway.approvals import let

BATCH = 200


def schedule_price(
    *, product_id: UUID, price: Decimal, due_at: datetime, reason: str, actor: str, now: datetime
) -> ScheduledPrice:
    """Have a price hold from `due_at`; another one for that moment is replaced.

    Raises UnknownProduct, InvalidInput, Waits: a person who lowers prices further than they may alone.
    """
    if due_at <= now:
        raise InvalidInput("due_at", "in_the_past", _("A scheduled price begins in the future."))
    with transaction("catalog"):
        product = lock_product(product_id)
        admit_later_price(product, money(price), due_at, actor, reason, now)
        scheduled: ScheduledPrice = ScheduledPrice.objects.update_or_create(
            product=product,
            due_at=due_at,
            defaults={"price": money(price), "reason": reason[:200], "actor": actor, "created_at": now},
        )[0]
    return scheduled


def later_price_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    price: Decimal,
    due_at: datetime,
    reason: str,
) -> None:
    """Set a price for a day to come as one person asked and a second agreed. Raises what `schedule_price` does."""
    schedule_price(product_id=subject_id, price=price, due_at=due_at, reason=reason, actor=str(maker_id), now=now)


def cancel_scheduled_price(*, product_id: UUID, scheduled_id: UUID) -> None:
    """Forget a price that does not hold yet. Raises NotFound."""
    with transaction("catalog"):
        waiting = ScheduledPrice.objects.filter(pk=scheduled_id, product_id=product_id, applied_at__isnull=True)
        if not waiting.delete()[0]:
            raise NotFound


def apply_scheduled_prices(*, now: datetime) -> int:
    """Let the prices hold whose moment has come, each with its actor and reason; return how many did."""
    due = ScheduledPrice.objects.filter(due_at__lte=now, applied_at__isnull=True).order_by("due_at", "id")
    return sum(_apply(pk, now) for pk in list(due.values_list("pk", flat=True)[:BATCH]))


def _apply(scheduled_id: UUID, now: datetime) -> bool:
    with transaction("catalog"):
        waiting = ScheduledPrice.objects.select_for_update().filter(pk=scheduled_id, applied_at__isnull=True)
        scheduled = waiting.first()
        if scheduled is None:
            return False
        scheduled.applied_at = now
        scheduled.save(update_fields=["applied_at"])
        if Product.objects.present().filter(pk=scheduled.product_id).exists():
            let(PRICE_CAME_DUE)
            update_product(
                product_id=scheduled.product_id,
                price=scheduled.price,
                actor=scheduled.actor,
                reason=scheduled.reason,
                now=now,
            )
    return True

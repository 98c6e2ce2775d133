"""Prices that change later, or many at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from catalog.errors import UnknownProduct
from catalog.models import Product, ScheduledPrice
from catalog.services.products import lock_product, update_product
from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.money import MAX_AMOUNT, money

BATCH = 200


@dataclass(frozen=True)
class NewPrice:
    """What a bulk change makes of one price."""

    product_id: UUID
    name: str
    currency: str
    old: Decimal
    new: Decimal


def schedule_price(
    *, product_id: UUID, price: Decimal, due_at: datetime, reason: str, actor: str, now: datetime
) -> ScheduledPrice:
    """Have a price hold from `due_at`; another one for that moment is replaced. Raises UnknownProduct, InvalidInput."""
    if due_at <= now:
        raise InvalidInput("due_at", "in_the_past", "A scheduled price begins in the future.")
    with transaction("catalog"):
        product = lock_product(product_id)
        scheduled: ScheduledPrice = ScheduledPrice.objects.update_or_create(
            product=product,
            due_at=due_at,
            defaults={"price": money(price), "reason": reason[:200], "actor": actor, "created_at": now},
        )[0]
    return scheduled


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
            update_product(
                product_id=scheduled.product_id,
                price=scheduled.price,
                actor=scheduled.actor,
                reason=scheduled.reason,
                now=now,
            )
    return True


def preview_prices(*, product_ids: Iterable[UUID], percent: Decimal, step: Decimal = Decimal(1)) -> list[NewPrice]:
    """What `percent` more (or less, when negative) would make of prices, rounded to multiples of `step`."""
    products = Product.objects.present().filter(pk__in=list(product_ids)).order_by("pk")
    return [NewPrice(item.pk, item.name, item.currency, item.price, _changed(item, percent, step)) for item in products]


def change_prices(*, prices: Iterable[NewPrice], reason: str, actor: str, now: datetime) -> int:
    """Set previewed prices; one that changed since its preview is left alone. Return how many were set."""
    done = 0
    for price in prices:
        with transaction("catalog"):
            try:
                product = lock_product(price.product_id)
            except UnknownProduct:
                continue
            if product.price == price.old != price.new:
                update_product(product_id=product.pk, price=price.new, actor=actor, reason=reason, now=now)
                done += 1
    return done


def _changed(product: Product, percent: Decimal, step: Decimal) -> Decimal:
    exact = product.price * (100 + percent) / 100
    return min(max(money((exact / step).quantize(Decimal(1)) * step), Decimal(0)), MAX_AMOUNT)

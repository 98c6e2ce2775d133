"""A second pair of eyes in the catalogue: goods that leave the stock without a sale, and prices that fall."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.approvals import COUNT_OUT, LATER_PRICE, PRICE, PRICE_CAME_DUE
from catalog.models import Product
from core.ids import find_uuid
from core.money import ZERO
from gateway import approvals


def person(actor: str) -> UUID | None:
    """The person behind an actor's name; None for a command or a job."""
    return find_uuid(actor)


def cheaper(product: Product, old_price: Decimal, new_price: Decimal) -> Decimal:
    """Return what a lower price gives away, over every piece in stock; a service counts as one piece."""
    return max(ZERO, old_price - new_price) * max(1, product.on_hand)


def about(product: Product, amount: Decimal, actor: str, reason: str, args: Mapping[str, Any]) -> approvals.Ask:
    """Build the question to a second person about a product."""
    return approvals.Ask(
        subject_id=product.id,
        amount=amount,
        currency=product.currency,
        maker_id=person(actor),
        beneficiary_id=None,
        number=product.sku,
        reason=reason,
        evidence=product.name,
        args=args,
    )


def admit_price(
    product: Product, old_price: Decimal, actor: str, reason: str, changes: Mapping[str, Any], now: datetime
) -> None:
    """Let a price change; what had been let on for a day to come is not asked about again. Raises Waits."""
    if approvals.is_let(PRICE_CAME_DUE):
        return
    given = {"changes": dict(changes), "reason": reason}
    request = about(product, cheaper(product, old_price, product.price), actor, reason, given)
    approvals.admit(PRICE, request, now=now)


def admit_later_price(
    product: Product, price: Decimal, due_at: datetime, actor: str, reason: str, now: datetime
) -> None:
    """Let a price be set for a day to come. Raises Waits."""
    given = {"price": price, "due_at": due_at, "reason": reason}
    request = about(product, cheaper(product, product.price, price), actor, reason, given)
    approvals.admit(LATER_PRICE, request, now=now)


def admit_count_out(product: Product, delta: int, actor: str, reason: str, now: datetime) -> None:
    """Let pieces be counted out by hand. Raises Waits."""
    given = {"delta": delta, "reason": reason}
    request = about(product, product.price * max(0, -delta), actor, reason, given)
    approvals.admit(COUNT_OUT, request, now=now)

"""Making and changing campaigns and coupons; what may give away more than one person may takes a second one."""

from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import gettext as _

from catalog.public import category_branch, product_grounds
from core.clock import dealer_day
from core.db import Expected, lock, require_version, transaction
from core.errors import InvalidInput, NotFound
from gateway import approvals
from orders.approvals import PROMOTION
from orders.errors import BelowCost, CampaignsOverlap, CouponExists
from orders.models import ProductCopy, Promotion
from orders.queries.promotions import find_sinking
from orders.rules.promotions import clash

ANYBODYS = frozenset({"name"})
"""What one person may change of a running promotion: nothing more is given away by it."""
LEARNED_AT_ONCE = 1000
SHOWN = 20
"""Products below cost that a refusal names."""
SAVING = "promotions"
"""Name of the lock under which one at a time is saved: two campaigns that overlap would not see each other."""


class PromotionFields(TypedDict, total=False):
    """Fields of a promotion that are given by hand."""

    code: str
    name: str
    percent: Decimal | None
    amount: Decimal | None
    starts_on: date
    ends_on: date
    kind: str
    category_id: UUID | None
    make: str
    min_days_in_stock: int | None
    min_price: Decimal | None
    budget: Decimal | None
    limit_total: int | None
    limit_per_person: int | None
    is_combinable: bool
    is_below_cost: bool
    is_active: bool


def add_promotion(*, fields: PromotionFields, maker_id: UUID, now: datetime) -> Promotion:
    """Add a campaign, or with a code a coupon.

    Raises InvalidInput, BelowCost, CampaignsOverlap, CouponExists, Waits (no budget, or more than one person may give).
    """
    branch = _learn(fields)
    with transaction("orders"):
        lock("orders", SAVING)
        promotion = Promotion(created_by=maker_id, created_at=now, updated_at=now, category_ids=branch, **fields)
        _check(promotion)
        _refuse_sinking(promotion, now)
        known_as = uuid5(NAMESPACE_OID, f"{promotion.code}/{promotion.name}/{promotion.starts_on}")
        _admit(known_as, promotion, fields, maker_id, now)
        promotion.save(force_insert=True)
    return promotion


def change_promotion(
    *, promotion_id: UUID, changes: PromotionFields, maker_id: UUID, now: datetime, expected_version: Expected = None
) -> Promotion:
    """Change a campaign or coupon for deals to come. Raises NotFound, StaleVersion, and what `add_promotion` raises."""
    branch = _learn(changes)
    with transaction("orders"):
        lock("orders", SAVING)
        promotion = _lock(promotion_id)
        require_version(promotion.version, expected_version)
        changed = {name for name, value in changes.items() if value != getattr(promotion, name)}
        for name, value in changes.items():
            setattr(promotion, name, value)
        if "category_id" in changes:
            promotion.category_ids = branch
        _check(promotion)
        if promotion.is_active and changed - ANYBODYS:
            _refuse_sinking(promotion, now)
            _admit(promotion.pk, promotion, changes, maker_id, now)
        promotion.version += 1
        promotion.updated_at = now
        promotion.save()
    return promotion


def end_promotion(*, promotion_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """End a campaign or coupon; what orders have of it stays. Raises NotFound, StaleVersion."""
    with transaction("orders"):
        promotion = _lock(promotion_id)
        require_version(promotion.version, expected_version)
        promotion.is_active, promotion.updated_at = False, now
        promotion.version += 1
        promotion.save(update_fields=["is_active", "updated_at", "version"])


def promotion_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, fields: PromotionFields
) -> None:
    """Add or change what a second person agreed to. Raises what `add_promotion` and `change_promotion` do."""
    if Promotion.objects.filter(pk=subject_id).exists():
        change_promotion(promotion_id=subject_id, changes=fields, maker_id=maker_id, now=now)
    else:
        add_promotion(fields=fields, maker_id=maker_id, now=now)


def _lock(promotion_id: UUID) -> Promotion:
    found = Promotion.objects.select_for_update().filter(pk=promotion_id).first()
    if found is None:
        raise NotFound
    return found


def learn_products() -> int:
    """Learn makes and categories of products that no event has told yet; return how many."""
    unknown = list(ProductCopy.objects.filter(make=None).values_list("pk", flat=True))
    learned = 0
    for start in range(0, len(unknown), LEARNED_AT_ONCE):
        known = product_grounds(unknown[start : start + LEARNED_AT_ONCE])
        with transaction("orders"):
            for product_id, (make, category_id) in known.items():
                rows = ProductCopy.objects.filter(pk=product_id, make=None)
                learned += rows.update(make=make, category_id=category_id)
    return learned


def _learn(fields: PromotionFields) -> list[UUID]:
    """Return the category's branch, and learn makes and categories of products that no event has told yet.

    Raises InvalidInput.
    """
    if fields.get("category_id") or fields.get("make"):
        learn_products()
    category_id = fields.get("category_id")
    branch = category_branch(category_id) if category_id else []
    if category_id and not branch:
        raise InvalidInput("category_id", "unknown_category", _("There is no such category."))
    return branch


def _check(promotion: Promotion) -> None:
    """Refuse what says nothing or two things, ends before it starts, or overlaps. Raises InvalidInput and others."""
    if (promotion.percent is None) == (promotion.amount is None):
        raise InvalidInput("percent", "invalid", _("Say one of: percent; amount."))
    if promotion.ends_on < promotion.starts_on:
        raise InvalidInput("ends_on", "invalid", _("The last day is not before the first."))
    if promotion.budget is not None and promotion.budget < promotion.spent:
        raise InvalidInput("budget", "min_value", _("%(spent)s of it are spent already.") % {"spent": promotion.spent})
    if promotion.limit_total is not None and promotion.limit_total < promotion.used:
        raise InvalidInput(
            "limit_total", "min_value", _("It was used %(used)s times already.") % {"used": promotion.used}
        )
    others = Promotion.objects.exclude(pk=promotion.pk)
    if promotion.code:
        if others.filter(code=promotion.code).exists():
            raise CouponExists
    elif promotion.is_active:
        running = others.filter(
            code="", is_active=True, starts_on__lte=promotion.ends_on, ends_on__gte=promotion.starts_on
        )
        if clashing := [str(other.pk) for other in running if clash(promotion, other)]:
            raise CampaignsOverlap(campaign_ids=clashing)


def _admit(subject_id: UUID, promotion: Promotion, fields: PromotionFields, maker_id: UUID, now: datetime) -> None:
    """Let so much be promised alone, or ask a second person. Raises Waits."""
    request = approvals.Ask(
        subject_id=subject_id,
        amount=promotion.budget,
        maker_id=maker_id,
        beneficiary_id=None,
        number=promotion.code or promotion.name,
        args={"fields": dict(fields)},
    )
    approvals.admit(PROMOTION, request, now=now, is_certain=promotion.is_below_cost)


def _refuse_sinking(promotion: Promotion, now: datetime) -> None:
    """Refuse what would sell a product below its cost, unless it says so. Raises BelowCost, NoTaxRule."""
    if promotion.is_below_cost:
        return
    if found := find_sinking(promotion, dealer_day(now), most=SHOWN):
        raise BelowCost(items=[{"product_id": str(product.product_id), "name": product.name} for product in found])

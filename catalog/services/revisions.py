"""Prices of many products at once: previewed line by line, then set where nothing changed meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.db.models import F, Sum
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from catalog.approvals import REVISION
from catalog.errors import NothingToChange, RevisionClosed, TooManyProducts
from catalog.events import ProductUpdated
from catalog.models import (
    LineOutcome,
    PriceChange,
    PriceRevision,
    PriceRevisionLine,
    PriceStep,
    Product,
    ProductSearch,
    RevisionStatus,
)
from catalog.models.products import ProductQuerySet
from catalog.queries.cache import forget_products
from catalog.services.products import product_state
from catalog.services.seconding import person
from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.money import MAX_AMOUNT, ZERO, money
from gateway import approvals
from messaging.outbox import publish

MOST = 5_000
"""Prices changed at once: what a person can still answer for, done within one request."""
CHUNK = 250


@dataclass(frozen=True)
class PriceRule:
    """`value` per cent or major units more (less, when negative), rounded half up to multiples of `step`."""

    kind: PriceStep
    value: Decimal
    step: Decimal = Decimal(1)

    def apply(self, price: Decimal) -> Decimal:
        """The new price; it may come out as zero or less."""
        exact = price + self.value if self.kind == PriceStep.AMOUNT else price * (100 + self.value) / 100
        return money((exact / self.step).quantize(Decimal(1), ROUND_HALF_UP) * self.step)


def preview_prices(
    *,
    products: ProductSearch | Sequence[UUID],
    rule: PriceRule,
    currency: str,
    reason: str,
    actor: str,
    now: datetime,
) -> PriceRevision:
    """Write down what a rule would make of the prices in `currency`; nothing is changed yet.

    Products whose price stays as it is are left out. Raises InvalidInput where a price would become zero or too
    large, NothingToChange, TooManyProducts.
    """
    rows = list(_chosen(products).filter(currency=currency).order_by("pk").values_list("pk", "price")[: MOST + 1])
    if len(rows) > MOST:
        raise TooManyProducts(most=MOST)
    changed = [(pk, old, new) for pk, old in rows if (new := rule.apply(old)) != old]
    if not changed:
        raise NothingToChange
    if any(not 0 < new <= MAX_AMOUNT for _pk, _old, new in changed):
        raise InvalidInput("value", "price_not_positive", _("A price would become zero or less, or far too large."))
    with transaction("catalog"):
        revision: PriceRevision = PriceRevision.objects.create(
            kind=rule.kind,
            value=rule.value,
            step=rule.step,
            currency=currency,
            reason=reason[:200],
            actor=actor,
            created_at=now,
        )
        PriceRevisionLine.objects.bulk_create(
            PriceRevisionLine(revision=revision, product_id=pk, old_price=old, new_price=new)
            for pk, old, new in changed
        )
    return revision


def apply_prices(*, revision_id: UUID, actor: str, now: datetime) -> PriceRevision:
    """Set the previewed prices, each with its history, actor and reason; what changed since is left alone and named.

    Applied already, nothing happens; one that was cut short goes on. Raises NotFound, RevisionClosed, Waits: a person
    who lowers prices further than they may alone.
    """
    revision = _begin(revision_id, actor, now)
    waiting = revision.lines.filter(outcome="")
    while revision.status == RevisionStatus.APPLYING and waiting.exists():
        _apply_some(revision, now)
    with transaction("catalog"):
        PriceRevision.objects.filter(pk=revision.pk, status=RevisionStatus.APPLYING).update(
            status=RevisionStatus.APPLIED, closed_at=now
        )
    revision.refresh_from_db()
    return revision


def discard_prices(*, revision_id: UUID, actor: str, now: datetime) -> PriceRevision:
    """Give a preview up. Raises NotFound, RevisionClosed."""
    with transaction("catalog"):
        revision = _lock(revision_id)
        if revision.status not in (RevisionStatus.DRAFT, RevisionStatus.DISCARDED):
            raise RevisionClosed
        revision.status, revision.closed_by, revision.closed_at = RevisionStatus.DISCARDED, actor, now
        revision.save(update_fields=["status", "closed_by", "closed_at"])
    return revision


def _chosen(products: ProductSearch | Sequence[UUID]) -> ProductQuerySet:
    present = Product.objects.present()
    return products.apply(present) if isinstance(products, ProductSearch) else present.filter(pk__in=list(products))


def _lock(revision_id: UUID) -> PriceRevision:
    revision: PriceRevision | None = PriceRevision.objects.select_for_update().filter(pk=revision_id).first()
    if revision is None:
        raise NotFound
    return revision


def _begin(revision_id: UUID, actor: str, now: datetime) -> PriceRevision:
    with transaction("catalog"):
        revision = _lock(revision_id)
        if revision.status == RevisionStatus.DISCARDED:
            raise RevisionClosed
        if revision.status == RevisionStatus.DRAFT:
            _admit(revision, actor, now)
            revision.status, revision.closed_by, revision.closed_at = RevisionStatus.APPLYING, actor, now
            revision.save(update_fields=["status", "closed_by", "closed_at"])
    return revision


def revision_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime) -> None:
    """Set previewed prices as one person asked and a second agreed. Raises what `apply_prices` does."""
    apply_prices(revision_id=subject_id, actor=str(maker_id), now=now)


def _admit(revision: PriceRevision, actor: str, now: datetime) -> None:
    """Let the lower prices of a whole revision hold, at the pieces in stock now. Raises Waits."""
    drop = (F("old_price") - F("new_price")) * Greatest(F("product__on_hand"), 1)
    lines = revision.lines.filter(outcome="", new_price__lt=F("old_price"))
    request = approvals.Ask(
        subject_id=revision.pk,
        amount=money(lines.aggregate(sum=Sum(drop))["sum"] or ZERO),
        currency=revision.currency,
        maker_id=person(actor),
        beneficiary_id=None,
        reason=revision.reason,
    )
    approvals.admit(REVISION, request, now=now)


def _apply_some(revision: PriceRevision, now: datetime) -> None:
    """The next lines, in one transaction: their products locked by id, compared, and only then changed."""
    with transaction("catalog"):
        lines = list(revision.lines.filter(outcome="").order_by("id").select_for_update()[:CHUNK])
        locked = Product.objects.present().filter(pk__in=[line.product_id for line in lines]).order_by("pk")
        products = {product.pk: product for product in locked.select_for_update(no_key=True)}
        changed = []
        for line in lines:
            product = products.get(line.product_id)
            line.outcome = _outcome(line, product, revision.currency)
            if product is not None and line.outcome == LineOutcome.SET:
                product.price, product.version, product.updated_at = line.new_price, product.version + 1, now
                changed.append((line, product))
        Product.objects.bulk_update([product for _line, product in changed], ["price", "version", "updated_at"])
        forget_products()
        PriceChange.objects.bulk_create(
            PriceChange(
                product=product,
                old_price=line.old_price,
                new_price=line.new_price,
                currency=product.currency,
                actor=revision.closed_by,
                reason=revision.reason,
                at=now,
            )
            for line, product in changed
        )
        for _line, product in changed:
            publish(ProductUpdated(**product_state(product)))
        PriceRevisionLine.objects.bulk_update(lines, ["outcome"])


def _outcome(line: PriceRevisionLine, product: Product | None, currency: str) -> LineOutcome:
    if product is None:
        return LineOutcome.GONE
    is_as_seen = (product.price, product.currency) == (line.old_price, currency)
    return LineOutcome.SET if is_as_seen else LineOutcome.CHANGED

"""Sales for accounting: a paper for each order that was handed over, and one for each that came back.

Goods alone: a premium is the insurer's money, and stands in the journal. A person is their id; a company has its name
and numbers, as an invoice has.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid5

from django.db.models import Q, QuerySet

from core.files.accounting import Contribution, Goods, Operation, Paper, Party, Section, Span
from core.money import ZERO
from orders.models import CompanyCopy, LegalEntityCopy, LineKind, Order, OrderHistory, OrderLine, Status

CHUNK = 200
SOLD = (Status.COMPLETED, Status.RETURNING, Status.RETURNED)
STEPS = Q(status=Status.COMPLETED, previous=Status.READY) | Q(status=Status.RETURNED, previous=Status.RETURNING)
"""Steps of an order that accounting hears of: the keys were handed over, or everything came back."""


def count_sales(span: Span) -> int:
    """Count sales and returns."""
    return _steps(span).count()


def read_sales(span: Span) -> Iterator[Paper]:
    """Read sales and returns, oldest first; a return has the lines of its sale."""
    reached = Q()
    while steps := list(_steps(span).filter(reached).select_related("order").order_by("at", "id")[:CHUNK]):
        yield from _papers(steps)
        last = steps[-1]
        reached = Q(at=last.at, id__gt=last.id) | Q(at__gt=last.at)


def _steps(span: Span) -> "QuerySet[OrderHistory]":
    """Steps within the span; an order is not touched before its last step, so older ones need not be looked at."""
    orders = Order.objects.filter(status__in=SOLD, updated_at__gte=span.begins, created_at__lt=span.ends)
    rows = OrderHistory.objects.filter(STEPS, at__gte=span.begins, at__lt=span.ends)
    return rows.filter(order__in=orders.values("pk"))


def _papers(steps: Sequence[OrderHistory]) -> Iterator[Paper]:
    orders = {step.order_id: step.order for step in steps}
    goods: dict[UUID, list[Goods]] = {order_id: [] for order_id in orders}
    lines = OrderLine.objects.filter(order__in=orders).exclude(kind=LineKind.POLICY)
    for line in lines.order_by("order_id", "position"):
        goods[line.order_id].append(_goods(line))
    companies = _companies({order.customer_id for order in orders.values()})
    sellers = _sellers({order.legal_entity_id for order in orders.values()})
    for step in steps:
        order, is_sale = step.order, step.status == Status.COMPLETED
        sold = tuple(goods[order.pk])
        yield Paper(
            id=order.pk if is_sale else uuid5(order.pk, "returned"),
            number=order.number if is_sale else f"{order.number}-R",
            at=step.at,
            operation=Operation.SALE if is_sale else Operation.SALE_RETURNED,
            kind="sale" if is_sale else "sale_returned",
            currency=order.currency,
            amount=sum((each.total for each in sold), ZERO),
            seller=sellers.get(order.legal_entity_id),
            other=companies.get(order.customer_id, Party(str(order.customer_id))),
            basis=order.number,
            goods=sold,
        )


def _goods(line: OrderLine) -> Goods:
    return Goods(
        id=str(line.product_id or ""),
        sku=line.sku,
        name=line.name,
        vin=line.vin,
        quantity=line.quantity,
        price=line.unit_price,
        total=line.line_total,
        vat_rate=line.vat_rate,
        vat_amount=line.vat_amount,
        untaxed_by=line.untaxed_by,
    )


def _companies(ids: set[UUID]) -> dict[UUID | None, Party]:
    """Companies among some buyers, known by their account or by their card."""
    found = {}
    for copy in CompanyCopy.objects.filter(Q(client_id__in=ids) | Q(user_id__in=ids)):
        for key in {copy.client_id, copy.user_id} & ids:
            found[key] = Party(str(key), copy.name, copy.inn, copy.kpp)
    return found


def _sellers(ids: set[UUID | None]) -> dict[UUID | None, Party]:
    copies = LegalEntityCopy.objects.filter(entity_id__in=[key for key in ids if key])
    return {
        copy.entity_id: Party(
            str(copy.entity_id), copy.facts.get("name", ""), copy.facts.get("inn", ""), copy.facts.get("kpp", "")
        )
        for copy in copies
    }


ACCOUNTING = (Contribution(section=Section.SALES, count=count_sales, read=read_sales),)

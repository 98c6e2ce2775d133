"""Find orders for staff by what a caller knows: a number, a VIN, or who they are."""

from itertools import chain

from django.db.models import QuerySet
from django.utils import timezone

from core.clock import dealer_day
from core.screens.base import money_text
from core.screens.found import MOST, Found
from core.vin import fold_vin, is_vin
from gateway.people import find_people, get_told
from orders.models import Order, Status

SHORT = 6
"""Digits of an order's number after its year."""


def find_orders(term: str) -> list[Found]:
    """Orders whose number begins so, that sold the car with this VIN, or whose buyer is called or reached so.

    A few digits are the number of an order of this year or the last.
    """
    present = Order.objects.filter(deleted_at__isnull=True).annotate(known=get_told("customer_id"))
    ways = [present.filter(number__startswith=term.upper())] if any(map(str.isdigit, term)) else []
    if term.isdigit() and len(term) <= SHORT:
        year = dealer_day(timezone.now()).year
        ways.append(present.filter(number__in=[f"{year}-{int(term):06d}", f"{year - 1}-{int(term):06d}"]))
    if is_vin(fold_vin(term)):
        ways.append(present.filter(lines__vin=fold_vin(term)).distinct())
    if buyers := find_people("orders", term, most=MOST):
        ways.append(present.filter(customer_id__in=buyers).order_by("-created_at", "-id"))
    return [*{order.pk: _describe(order) for order in chain.from_iterable(map(_read, ways))}.values()][:MOST]


def _read(orders: QuerySet[Order]) -> list[Order]:
    return list(orders[:MOST])


def _describe(order: Order) -> Found:
    name = (getattr(order, "known", None) or {}).get("name", "")
    told = [name, str(Status(order.status).label), money_text(order.total_amount, order.currency)]
    return Found(order.pk, order.number, ", ".join(filter(None, told)))

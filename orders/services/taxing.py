"""Tax an order by who sells it: by the rates of the day it is placed, changed or handed over on."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from core.clock import dealer_day
from core.db import fetch
from orders.models import Order, OrderLine
from orders.models.parties import DEFAULT_SELLER
from orders.rules.taxing import tax_lines
from orders.services.locking import LockedOrder

_SOLD_BY = "SELECT entity_id, regimes::text FROM orders_legalentitycopy WHERE entity_id = %s"


def tax_again(saga: LockedOrder, lines: Sequence[OrderLine]) -> bool:
    """Reckon the VAT of an order anew by the rates of today; tell whether it changed. The caller saves both.

    One that was placed before there was a legal entity is the default one's from now on. Raises NoTaxRule.
    """
    return tax_goods(saga.order, lines, saga.now)


def tax_goods(order: Order, lines: Sequence[OrderLine], now: datetime) -> bool:
    """Reckon the VAT of lines by their order's seller, or else the default one, and the rates of a day; as above."""
    known = order.legal_entity_id
    rows = fetch("orders", DEFAULT_SELLER, ()) if known is None else fetch("orders", _SOLD_BY, (known,))
    if not rows:
        return False
    order.legal_entity_id = rows[0][0]
    before = [_told(line) for line in lines]
    tax_lines(order, lines, msgspec.json.decode(rows[0][1]), dealer_day(now))
    return before != [_told(line) for line in lines]


def _told(line: OrderLine) -> tuple[Decimal | None, Decimal | None, str]:
    return line.vat_rate, line.vat_amount, line.untaxed_by


def tax_handed_over(saga: LockedOrder) -> None:
    """Reckon the VAT anew at the hand-over, the moment of tax: the price stays, the tax within it may change.

    Raises NoTaxRule.
    """
    lines = list(saga.order.lines.all())
    if tax_again(saga, lines):
        OrderLine.objects.bulk_update(lines, ["vat_kind", "vat_rate", "vat_amount", "untaxed_by"])

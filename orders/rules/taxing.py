"""Reckon the VAT within the lines of an order: each line by itself, so that the lines add up to the order's."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from core.money import ZERO
from core.money.grounds import name_ground
from core.money.vat import Regime, Vat, find_regime, reckon
from orders.models import Order, OrderLine


def read_regimes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[date, Regime]]:
    """Read a seller's regimes as they are stored."""
    return [(date.fromisoformat(row["since"]), Regime(row["regime"])) for row in rows]


def reckon_line(line: OrderLine, regime: Regime, day: date) -> Vat:
    """Return the VAT within a line's total on a day. Raises NoTaxRule."""
    cost = None if line.margin_cost is None else line.margin_cost * line.quantity
    return reckon(regime, line.taxed_as, day, line.line_total, cost)


def tax_lines(order: Order, lines: Sequence[OrderLine], regimes: Sequence[Mapping[str, Any]], day: date) -> None:
    """Write into an order and its lines the VAT by the seller's regimes and the rates of a day. Raises NoTaxRule."""
    regime = find_regime(read_regimes(regimes), day)
    for line in lines:
        found = reckon_line(line, regime, day)
        line.vat_kind = line.taxed_as
        line.vat_rate = None if found.percent is None else Decimal(found.percent)
        line.vat_amount = found.amount
        line.untaxed_by = name_ground(regime, line.taxed_as, line.exempt_by, day)
    order.vat_total = sum((line.vat_amount or ZERO for line in lines), ZERO)
    order.taxed_date = day

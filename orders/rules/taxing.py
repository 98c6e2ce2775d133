"""Reckon the VAT within the lines of an order: each line by itself, so that the lines add up to the order's."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from core.money import ZERO
from core.money.vat import Regime, Vat, VatKind, find_regime, reckon
from orders.models import LineKind, Order, OrderLine


def read_regimes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[date, Regime]]:
    """Read a seller's regimes as they are stored."""
    return [(date.fromisoformat(row["since"]), Regime(row["regime"])) for row in rows]


def get_vat_kind(line: OrderLine) -> VatKind:
    """Return how a line is taxed: a policy is its insurer's sale, and what nobody has said of goods is the usual."""
    if line.kind == LineKind.POLICY:
        return VatKind.EXEMPT
    return VatKind(line.vat_kind or VatKind.STANDARD)


def tell_vat_kind(line: OrderLine) -> str:
    """Return what receipts have to know of how a line is taxed: nothing of the usual."""
    kind = get_vat_kind(line)
    return "" if kind == VatKind.STANDARD else kind.value


def reckon_line(line: OrderLine, regime: Regime, day: date) -> Vat:
    """Return the VAT within a line's total on a day. Raises NoTaxRule."""
    cost = None if line.margin_cost is None else line.margin_cost * line.quantity
    return reckon(regime, get_vat_kind(line), day, line.line_total, cost)


def tax_lines(order: Order, lines: Sequence[OrderLine], regimes: Sequence[Mapping[str, Any]], day: date) -> None:
    """Write into an order and its lines the VAT by the seller's regimes and the rates of a day. Raises NoTaxRule."""
    regime = find_regime(read_regimes(regimes), day)
    for line in lines:
        found = reckon_line(line, regime, day)
        line.vat_kind = get_vat_kind(line)
        line.vat_rate = None if found.percent is None else Decimal(found.percent)
        line.vat_amount = found.amount
    order.vat_total = sum((line.vat_amount or ZERO for line in lines), ZERO)
    order.taxed_date = day

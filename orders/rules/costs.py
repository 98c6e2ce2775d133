"""Know a price that leaves less than the goods cost once its VAT is paid."""

from datetime import date
from decimal import Decimal

from core.money import ZERO
from core.money.vat import Regime
from orders.models import OrderLine
from orders.rules.taxing import reckon_line


def is_below_cost(line: OrderLine) -> bool:
    """Tell whether a line is sold for less than it cost; VAT that nobody knows counts as none."""
    return line.cost is not None and line.line_total - (line.vat_amount or ZERO) < line.cost * line.quantity


def would_sink(line: OrderLine, off: Decimal, regime: Regime | None, day: date) -> bool:
    """Tell whether `off` less a piece would sell a line below its cost, taxed by a seller's regime on a day.

    Raises NoTaxRule.
    """
    if line.cost is None:
        return False
    lower = OrderLine(kind=line.kind, quantity=line.quantity, vat_kind=line.vat_kind, margin_cost=line.margin_cost)
    lower.cost, lower.line_total = line.cost, (line.unit_price - off) * line.quantity
    lower.vat_amount = None if regime is None else reckon_line(lower, regime, day).amount
    return is_below_cost(lower)

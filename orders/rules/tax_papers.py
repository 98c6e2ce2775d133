"""Reckon what tax papers state: lines with their VAT, advances by rate, and what a correction takes off.

Pure functions. The forms are those of Government Decree 1137 of 26 December 2011: docs/taxes.md names its columns.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from core.money import ZERO, money
from core.money.shares import share_out
from core.money.vat import VatKind, compute_vat
from orders.models import LineKind, OrderLine

SUMS = ("base", "vat", "total")
UNTAXED = "без НДС"
ADVANCE = "Предварительная оплата по заказу"


def list_goods(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Return the lines that the dealer sells: a policy is its insurer's sale."""
    return [line for line in lines if line.kind != LineKind.POLICY]


def state_line(line: OrderLine, total: Decimal | None = None, quantity: int | None = None) -> dict[str, Any]:
    """Return a line as columns 1a to 9, at its own total or at another.

    The base is without the tax. By the margin scheme columns 4 and 5 state the difference with the tax in it, and
    column 7 the calculated rate (rules of the decree, appendix 1, item 2, sub-items "г", "д" and "ж"). What bears no
    tax says by which law, where that is known: papers frozen before it was kept stay as they are.
    """
    total, quantity = line.line_total if total is None else total, line.quantity if quantity is None else quantity
    percent = None if line.vat_rate is None else int(line.vat_rate)
    taxed = _taxed(line, total, quantity)
    vat = ZERO if percent is None else compute_vat(taxed, percent)
    base = taxed if _is_margin(line) else total - vat
    return {
        "name": line.name,
        "vin": line.vin,
        "sku": line.sku,
        "quantity": quantity,
        "price": str(money(base / quantity) if quantity else ZERO),
        "rate": _rate(line, percent),
        "is_taxed": percent is not None,
        "base": str(base),
        "vat": str(vat),
        "total": str(total),
        **({"untaxed_by": line.untaxed_by} if line.untaxed_by else {}),
    }


def _is_margin(line: OrderLine) -> bool:
    return line.vat_kind == VatKind.MARGIN and line.vat_rate is not None


def _taxed(line: OrderLine, total: Decimal, quantity: int) -> Decimal:
    """Return what of a total the tax is within."""
    return max(ZERO, total - (line.margin_cost or ZERO) * quantity) if _is_margin(line) else total


def _rate(line: OrderLine, percent: int | None) -> str:
    if percent is None:
        return UNTAXED
    return f"{percent}/{100 + percent}" if _is_margin(line) else f"{percent}%"


def add_up(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the sums of columns 5, 8 and 9."""
    told = list(rows)
    return {name: str(sum((Decimal(row[name]) for row in told), ZERO)) for name in SUMS}


def state_advance(lines: Sequence[OrderLine], amount: Decimal, order_number: str) -> list[dict[str, Any]]:
    """Return an advance in roubles as rows, one a rate, shared out by what the lines cost; policies' part is left out.

    Columns 3 to 6 stay empty, and the rate is the calculated one (appendix 1, item 2; Tax Code, article 164 item 4).
    """
    shares = share_out(amount, [line.line_total for line in lines])
    by_rate: dict[int, Decimal] = {}
    for line, share in zip(lines, shares, strict=True):
        if line.kind != LineKind.POLICY and line.vat_rate:
            by_rate[int(line.vat_rate)] = by_rate.get(int(line.vat_rate), ZERO) + share
    return [
        {
            "name": f"{ADVANCE} № {order_number}",
            "vin": "",
            "sku": "",
            "quantity": None,
            "price": None,
            "base": None,
            "is_taxed": True,
            "rate": f"{percent}/{100 + percent}",
            "vat": str(compute_vat(share, percent)),
            "total": str(share),
        }
        for percent, share in sorted(by_rate.items())
        if share
    ]


def state_correction(lines: Sequence[OrderLine], allowance: Decimal, *, is_returned: bool) -> list[dict[str, Any]]:
    """Return each line before and after: less by its share of an allowance in roubles, and nothing once it came back.

    Of what came back the allowance was corrected before.
    """
    shares = share_out(allowance, [line.line_total for line in lines])
    reduced = [state_line(line, line.line_total - share) for line, share in zip(lines, shares, strict=True)]
    if is_returned:
        return [_compare(before, state_line(line, ZERO, 0)) for line, before in zip(lines, reduced, strict=True)]
    return [_compare(state_line(line), after) for line, after in zip(lines, reduced, strict=True)]


def _compare(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    changes = {name: Decimal(after[name]) - Decimal(before[name]) for name in SUMS}
    return {
        "before": before,
        "after": after,
        "increase": {name: str(max(ZERO, change)) for name, change in changes.items()},
        "decrease": {name: str(max(ZERO, -change)) for name, change in changes.items()},
    }

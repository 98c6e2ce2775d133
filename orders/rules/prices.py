"""Work out what a discount takes off a piece: a manager's own, a campaign's or a coupon's, to the kopeck."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import CENT, ZERO, line_total, money
from orders.models import DiscountSource, LineKind, OrderLine

HUNDRED = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Bargain:
    """A manager's word on the price of one piece: so much off, so many per cent off its list price, or the price."""

    reason: str = ""
    amount: Decimal | None = None
    percent: Decimal | None = None
    unit_price: Decimal | None = None


def require_bargain(bargain: Bargain, path: str) -> Bargain:
    """Return a bargain that says one thing, within its bounds. Raises InvalidInput."""
    said = {name: getattr(bargain, name) for name in ("amount", "percent", "unit_price")}
    given = {name: value for name, value in said.items() if value is not None}
    if len(given) != 1:
        raise InvalidInput(f"{path}.discount", "invalid", _("Say one of: amount; percent; unit_price."))
    ((name, value),) = given.items()
    field = f"{path}.unit_price" if name == "unit_price" else f"{path}.discount.{name}"
    if not value.is_finite() or value != value.quantize(CENT) or not 0 <= value < 10**12:
        raise InvalidInput(field, "invalid", _("An amount has at most two places and twelve digits before them."))
    if name == "percent" and value > HUNDRED:
        raise InvalidInput(field, "max_value", _("A discount is at most 100 per cent."))
    if name != "unit_price" and not bargain.reason.strip():
        raise InvalidInput(f"{path}.discount.reason", "required", _("Say why the price is lower."))
    return bargain


def bargain_over(line: OrderLine, bargain: Bargain, path: str) -> None:
    """Give a line the price that a manager agrees to, in place of what a manager took off before.

    Raises InvalidInput where the line has no list price, or less than nothing would be left of it.
    """
    if line.kind != LineKind.PRODUCT:
        detail = _("Only goods and work of the catalogue have a list price to take something off.")
        raise InvalidInput(f"{path}.discount", "not_allowed", detail)
    rest = get_list_price(line) - line.discount_amount + get_taken_off(line, DiscountSource.MANAGER)
    if bargain.unit_price is not None:
        if bargain.unit_price > rest:
            detail = _("The price of the list is %(price)s: an agreed price is not above it.") % {"price": rest}
            raise InvalidInput(f"{path}.unit_price", "above_list_price", detail)
        amount = rest - bargain.unit_price
    else:
        amount = compute_reduction(get_list_price(line), amount=bargain.amount, percent=bargain.percent)
    if amount > rest:
        detail = _("The discount is more than the price of %(price)s.") % {"price": rest}
        raise InvalidInput(f"{path}.discount", "above_price", detail)
    set_discount(line, DiscountSource.MANAGER, amount)


def compute_reduction(list_price: Decimal, *, amount: Decimal | None, percent: Decimal | None) -> Decimal:
    """Return what is taken off a piece: the amount, or so many per cent of its list price, half a kopeck rounded up."""
    return money(amount if amount is not None else list_price * (percent or ZERO) / HUNDRED)


def get_list_price(line: OrderLine) -> Decimal:
    """Return the catalogue's price of a piece when it was ordered; a line of the release before has its own."""
    return line.unit_price if line.list_price is None else line.list_price


def get_taken_off(line: OrderLine, source: str) -> Decimal:
    """Return what a source takes off a piece of a line."""
    return sum((Decimal(one["amount"]) for one in line.discounts if one["source"] == source), ZERO)


def set_discount(
    line: OrderLine, source: str, amount: Decimal, *, source_id: str | None = None, name: str = ""
) -> None:
    """Let a source take `amount` off each piece in place of what it took before, and work out the price anew."""
    line.list_price = get_list_price(line)
    others = [one for one in line.discounts if (one["source"], one["source_id"]) != (source, source_id)]
    entry = {"source": str(source), "source_id": source_id, "name": name, "amount": str(money(amount))}
    line.discounts = [*others, entry] if amount else others
    line.discount_amount = sum((Decimal(one["amount"]) for one in line.discounts), ZERO)
    line.unit_price = line.list_price - line.discount_amount
    line.line_total = line_total(line.unit_price, line.quantity)


def sum_discounts(lines: Sequence[OrderLine], source: str | None = None) -> Decimal:
    """Return what all pieces of the lines cost less than by the list, by one source or by all."""
    parts = (line.discount_amount if source is None else get_taken_off(line, source) for line in lines)
    return sum((part * line.quantity for part, line in zip(parts, lines, strict=True)), ZERO)


def show_discounts(line: OrderLine) -> dict[str, Any]:
    """Return what a line's document tells besides its price: nothing where that is the list's."""
    if not line.discount_amount:
        return {}
    shown = {"discount_amount": str(money(line.discount_amount)), "discounts": line.discounts}
    return shown | {"list_price": str(money(get_list_price(line)))}

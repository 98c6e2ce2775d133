"""The goods of a written offer: what each piece costs by the list, and what was agreed."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.money import line_total
from orders.models import DiscountSource, LineKind, OrderLine
from orders.rules.prices import get_list_price, set_discount


class OfferedGoods(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an offer: money is of one piece but for its total; `reason` is staff's, and no buyer is shown it."""

    product_id: UUID
    sku: str
    name: str
    vin: str
    quantity: int
    list_price: Decimal
    unit_price: Decimal
    line_total: Decimal
    reason: str = ""
    vat_kind: str = ""
    vat_rate: Decimal | None = None
    vat_amount: Decimal | None = None

    @property
    def discount_amount(self) -> Decimal:
        """Return what was taken off a piece."""
        return self.list_price - self.unit_price


TERMS = ("product_id", "quantity", "list_price", "unit_price")
"""What two offers of the same goods differ in, if they do."""


def freeze_goods(lines: Iterable[OrderLine], reasons: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return priced lines as an offer keeps them; `reasons` are by their positions."""
    kept = [_read_line(line, reasons.get(line.position, "")) for line in lines]
    plain: list[dict[str, Any]] = msgspec.to_builtins(kept)
    return plain


def _read_line(line: OrderLine, reason: str) -> OfferedGoods:
    named = ("sku", "name", "vin", "quantity", "unit_price", "line_total", "vat_kind", "vat_rate", "vat_amount")
    told = {name: getattr(line, name) for name in named}
    return OfferedGoods(product_id=require_id(line), list_price=get_list_price(line), reason=reason, **told)


def require_id(line: OrderLine) -> UUID:
    """Return the product of a line that sells one. Raises ValueError."""
    if line.product_id is None:
        raise ValueError(line.name)
    return line.product_id


def read_goods(kept: Iterable[Mapping[str, Any]]) -> list[OfferedGoods]:
    """Read the lines that an offer keeps."""
    return msgspec.convert(list(kept), list[OfferedGoods], strict=False)


def is_same(one: Iterable[OfferedGoods], other: Iterable[OfferedGoods]) -> bool:
    """Tell whether two lists of goods have the same terms."""
    pairs = ([[getattr(line, name) for name in TERMS] for line in lines] for lines in (one, other))
    return next(pairs) == next(pairs)


def price_as_offered(line: OrderLine, goods: OfferedGoods) -> None:
    """Give a line of an order the list price and the agreed price of an offer, whatever the catalogue says by now."""
    line.list_price = line.unit_price = goods.list_price
    line.line_total = line_total(goods.list_price, line.quantity)
    set_discount(line, DiscountSource.MANAGER, goods.discount_amount)


def draw_lines(kept: Iterable[Mapping[str, Any]]) -> list[OrderLine]:
    """Return the lines of an offer as papers are made of them; they are not saved."""
    made = []
    for position, goods in enumerate(read_goods(kept)):
        told = {name: getattr(goods, name) for name in ("product_id", "sku", "name", "vin", "quantity", "vat_kind")}
        line = OrderLine(position=position, kind=LineKind.PRODUCT, **told)
        price_as_offered(line, goods)
        line.vat_rate, line.vat_amount = goods.vat_rate, goods.vat_amount
        made.append(line)
    return made

"""Check that the VAT of orders adds up: lines to their order, and each line by the rule that it names."""

from collections.abc import Iterator

from core.db import fetch
from core.plugins import Disagreement

_WRONG = """count(*) FILTER (
    WHERE l.vat_amount IS DISTINCT FROM coalesce(round(
        greatest(l.line_total - coalesce(l.margin_cost * l.quantity, 0) * (l.vat_kind = 'margin')::int, 0)
        * l.vat_rate / (100 + l.vat_rate), 2), 0))"""
_COMPARE = f"""
SELECT o.id, o.number, o.vat_total, sum(l.vat_amount), {_WRONG}
FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id
WHERE o.vat_total IS NOT NULL
GROUP BY o.id
HAVING o.vat_total IS DISTINCT FROM sum(l.vat_amount) OR {_WRONG} > 0
"""
"""Orders with a tax that their lines do not make; Postgres rounds numerics half away from zero, as we do."""


def vat_disagreements() -> Iterator[Disagreement]:
    """List orders whose VAT is not the sum of their lines', or with a line whose VAT its total does not hold."""
    for order_id, number, total, lines, wrong in fetch("orders", _COMPARE, []):
        detail = f"{number} shows VAT of {total}, its lines come to {lines}, {wrong} of them by no rule"
        yield Disagreement("order_vat", {"order_id": str(order_id)}, detail)

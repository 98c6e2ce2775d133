"""Pages of orders by one statement: what a paginator takes for a query set."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from core.db import fetch
from orders.models import Order
from orders.queries.reading import COLUMNS, RawOrder, build_document

_SIGNS = {"lt": "<", "gt": ">"}


def _field(name: str) -> Any:
    return Order._meta.get_field(name)


@dataclass(frozen=True)
class OrderRows:
    """All orders that were not deleted, or those of `owner_id`.

    Names of columns come from the view's `ordering_fields` and from nowhere else.
    """

    owner_id: UUID | None
    ordering: tuple[str, ...] = ()
    position: tuple[str, str, Any] | None = None

    def order_by(self, *names: str) -> "OrderRows":
        """Return the rows in the order of these columns, a minus turning one round."""
        return replace(self, ordering=names)

    def filter(self, **position: Any) -> "OrderRows":
        """Return the rows on one side of a place: `created_at__lt=…`. Raises ValidationError for no such value."""
        ((lookup, value),) = position.items()
        name, _, sign = lookup.rpartition("__")
        return replace(self, position=(name, _SIGNS[sign], _field(name).get_prep_value(value)))

    def count_to(self, most: int) -> int:
        """Count the rows, up to `most`."""
        conditions, values = self._where()
        sql = f"SELECT count(*) FROM (SELECT FROM orders_order WHERE {conditions} LIMIT {int(most)}) AS counted"
        return int(fetch("orders", sql, values)[0][0])

    def __getitem__(self, part: slice) -> list[RawOrder]:
        """Read a page; its size is part of the statement, else no plan kept for it would know how small it is."""
        conditions, values = self._where()
        page = (
            f"SELECT id FROM orders_order WHERE {conditions} ORDER BY {self._order('')} "
            f"LIMIT {int(part.stop - part.start)} OFFSET {int(part.start)}"
        )
        rows = fetch(
            "orders",
            f"SELECT {COLUMNS} FROM ({page}) AS page JOIN orders_order o USING (id) ORDER BY {self._order('o.')}",
            values,
        )
        return [build_document(row) for row in rows]

    def _where(self) -> tuple[str, list[Any]]:
        conditions: list[str] = ["deleted_at IS NULL"]
        values: list[Any] = []
        if self.owner_id is not None:
            conditions.append("customer_id = %s")
            values.append(self.owner_id)
        if self.position is not None:
            name, sign, value = self.position
            conditions.append(f"{name} {sign} %s")
            values.append(value)
        return " AND ".join(conditions), values

    def _order(self, table: str) -> str:
        """Return the order as SQL, which names the primary key."""
        names = [name.replace("pk", "id") for name in self.ordering]
        return ", ".join(f"{table}{name.lstrip('-')} {'DESC' if name.startswith('-') else 'ASC'}" for name in names)

"""The small copy of each order, kept by its events; older news never overwrites newer."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from django.db import connections

from core.db import transaction
from payments.commands import ReceiptItem, RecordOrder, RecordOrderStatus
from payments.models import OrderCopy

_UPSERT = """
INSERT INTO payments_ordercopy AS c (order_id, customer_id, number, total_amount, currency, status, version, receipt)
SELECT id, customer, number, total, currency, 'created', version, receipt::jsonb
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::numeric[], %s::text[], %s::bigint[], %s::text[])
    AS t(id, customer, number, total, currency, version, receipt)
ON CONFLICT (order_id) DO UPDATE SET
    customer_id = excluded.customer_id, number = excluded.number, total_amount = excluded.total_amount,
    currency = excluded.currency, version = excluded.version, receipt = excluded.receipt
WHERE excluded.version >= c.version
"""

_MOVE = """
UPDATE payments_ordercopy AS c SET status = t.status
FROM unnest(%s::uuid[], %s::text[]) AS t(order_id, status) WHERE c.order_id = t.order_id
"""


def copy_orders(*, commands: Sequence[RecordOrder | RecordOrderStatus]) -> None:
    """Copy the newest total and status of each order, as they come: in the order's own order."""
    records = {item.order_id: item for item in commands if isinstance(item, RecordOrder)}
    statuses = {item.order_id: item.status for item in commands if isinstance(item, RecordOrderStatus)}
    rows = sorted(records.values(), key=lambda item: item.order_id)
    with transaction("payments"), connections["payments"].cursor() as cursor:
        if rows:
            cursor.execute(
                _UPSERT,
                [
                    [item.order_id for item in rows],
                    [item.customer_id for item in rows],
                    [item.number for item in rows],
                    [item.amount for item in rows],
                    [item.currency for item in rows],
                    [item.version_number for item in rows],
                    [msgspec.json.encode(item.receipt).decode() for item in rows],
                ],
            )
        if statuses:
            ids = sorted(statuses)
            cursor.execute(_MOVE, [ids, [statuses[order_id] for order_id in ids]])


def name_sold(order_id: UUID, receipt: Sequence[ReceiptItem], version_number: int) -> None:
    """Keep what was handed over with the codes of its pieces, where it has some; the caller's transaction is open.

    It is of the order's version at the handover: what was said of it before comes too late to take the codes away.
    """
    if receipt:
        known = OrderCopy.objects.filter(pk=order_id, version__lte=version_number)
        known.update(version=version_number, receipt=msgspec.to_builtins(receipt))

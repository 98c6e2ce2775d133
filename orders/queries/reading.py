"""Reading orders: one statement gives whole orders, for a page as for one; every answer of the API is made here."""

import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec

from core.db import fetch
from core.money import ZERO
from gateway.fast_path import OpenStruct
from messaging.feeds.feed import read_head
from orders.models.owing import DUE_SQL

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""What the API's document calls a time: without a zone it would be any text."""


class LineDiscount(msgspec.Struct):
    """Money taken off one piece: `source_id` and `name` are those of the campaign or coupon."""

    source: Literal["campaign", "coupon", "manager"]
    amount: Decimal
    source_id: UUID | None = None
    name: str = ""


class OrderItem(msgspec.Struct):
    """A line as the API shows it. `unit_price` is the `list_price` less the amounts of `discounts`.

    `cost` (of a piece) and `gross` are for those who may see them, and left out for everybody else.
    """

    id: UUID
    product_id: UUID | None
    sku: str
    name: str
    kind: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    vin: str = ""
    list_price: Decimal | None = None
    discounts: list[LineDiscount] = []
    vat_rate: Decimal | None = None
    vat_amount: Decimal | None = None
    cost: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    gross: Decimal | msgspec.UnsetType | None = msgspec.UNSET


class SagaFailure(OpenStruct):
    """Why a checkout ended without a sale; some codes bring members of their own, such as `shortfalls`."""

    code: str
    step: str
    detail: str


class SagaLeg(msgspec.Struct):
    """One leg of a checkout."""

    kind: str
    state: str
    error: dict[str, Any] | None


class SagaDocument(msgspec.Struct):
    """State of the checkout."""

    state: str
    step: str
    legs: list[SagaLeg]
    failure: SagaFailure | None = None


class FundingPart(msgspec.Struct, omit_defaults=True):
    """A part of the total, by what pays for it."""

    leg: str
    kind: str
    amount: Decimal
    state: str
    payment_id: UUID | None = None


class PendingApproval(msgspec.Struct):
    """Request about the order that waits for a second person; the amount is null where nobody can say."""

    id: UUID
    kind: str
    amount: Decimal | None
    currency: str
    asked_at: Moment
    expires_at: Moment | None


class HoldDocument(msgspec.Struct):
    """Why the order's stock is held, until when, and the latest that may become."""

    kind: Literal["checkout", "payment", "deposit", "credit", "transfer", "trade_in", "manual"]
    expires_at: Moment
    hard_end: Moment | None


class Allowance(msgspec.Struct):
    """Money that was given back by hand and is not asked for again."""

    refund_id: UUID
    payment_id: UUID
    amount: Decimal
    reason: str
    granted_at: Moment


class Company(msgspec.Struct):
    """Requisites of a company that buys."""

    name: str
    inn: str
    kpp: str
    ogrn: str
    address: str


class OrderDocument(msgspec.Struct):
    """An order as the API shows it; `gross_total` for those alone who may see it.

    `commission` is for its salesman and administrators.
    """

    id: UUID
    number: str
    customer_id: UUID
    status: str
    items: list[OrderItem]
    total_quantity: int
    total_amount: Decimal
    amount_paid: Decimal
    amount_due: Decimal
    currency: str
    comment: str
    reservation_expires_at: Moment | None
    saga: SagaDocument
    financing_application_id: UUID | None
    policy_ids: list[UUID]
    created_at: Moment
    updated_at: Moment
    version: int
    funding: list[FundingPart] = []
    manager_id: UUID | None = None
    trade_in_credit: Decimal = ZERO
    loan_amount: Decimal = ZERO
    returned_premiums: Decimal = ZERO
    pending_approvals: list[PendingApproval] = []
    hold: HoldDocument | None = None
    allowance_amount: Decimal = ZERO
    allowances: list[Allowance] = []
    discount_total: Decimal = ZERO
    legal_entity_id: UUID | None = None
    vat_total: Decimal | None = None
    company: Company | None = None
    gross_total: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    commission: Decimal | msgspec.UnsetType = msgspec.UNSET


class OrderPage(msgspec.Struct):
    """A page of orders; `total` where it is asked for by number, up to 10,000."""

    next: str | None
    previous: str | None
    results: list[OrderDocument]
    total: int | None = None


class RawOrder(msgspec.Struct):
    """An OrderDocument whose nested parts are the JSON that Postgres made: encoded once, decoded never."""

    id: UUID
    number: str
    customer_id: UUID
    status: str
    items: msgspec.Raw
    total_quantity: int
    total_amount: Decimal
    amount_paid: Decimal
    amount_due: Decimal
    funding: msgspec.Raw
    currency: str
    comment: str
    manager_id: UUID | None
    trade_in_credit: Decimal
    returned_premiums: Decimal
    loan_amount: Decimal
    reservation_expires_at: datetime | None
    saga: msgspec.Raw
    financing_application_id: UUID | None
    policy_ids: list[UUID]
    created_at: datetime
    updated_at: datetime
    version: int
    pending_approvals: msgspec.Raw
    allowance_amount: Decimal
    allowances: msgspec.Raw
    discount_total: Decimal
    legal_entity_id: UUID | None
    vat_total: Decimal | None
    company: msgspec.Raw
    hold: HoldDocument | None


COMPANY = (
    """json_build_object('name', b.name, 'inn', b.inn, 'kpp', b.kpp, 'ogrn', b.ogrn, 'address', b.address)::text"""
)
"""A company by its copy; asked for by one key after the other: by either at once, every company would be read."""

COLUMNS = f"""
    o.id, o.number, o.customer_id, o.status,
    (SELECT coalesce(json_agg(json_build_object(
        'id', l.id, 'product_id', l.product_id, 'sku', l.sku, 'name', l.name, 'vin', l.vin, 'kind', l.kind,
        'quantity', l.quantity, 'unit_price', l.unit_price::text, 'line_total', l.line_total::text,
        'list_price', coalesce(l.list_price, l.unit_price)::text, 'discounts', l.discounts,
        'vat_rate', l.vat_rate::text, 'vat_amount', l.vat_amount::text
     ) ORDER BY l.position), '[]')::text FROM orders_orderline l WHERE l.order_id = o.id),
    o.total_quantity, o.total_amount, o.amount_paid,
    {DUE_SQL},
    o.funding::text, o.currency, o.comment, o.manager_id, o.trade_in_credit, o.returned_premiums, o.loan_amount,
    o.reservation_expires_at,
    (SELECT json_build_object('state', c.state, 'step', c.step, 'failure', c.failure, 'legs',
        (SELECT coalesce(json_agg(json_build_object('kind', g.kind, 'state', g.state, 'error', g.error)
            ORDER BY g.rank), '[]') FROM orders_checkoutleg g WHERE g.checkout_id = c.order_id))::text
     FROM orders_checkout c WHERE c.order_id = o.id),
    o.financing_application_id, o.policy_ids, o.created_at, o.updated_at, o.version,
    (SELECT coalesce(json_agg(json_build_object('id', a.id, 'kind', a.kind, 'amount', a.amount::text,
        'currency', a.currency, 'asked_at', a.asked_at, 'expires_at', a.expires_at) ORDER BY a.id), '[]')::text
     FROM gateway_approval a WHERE a.subject_id = o.id AND a.state = 'waiting'),
    o.allowance_amount, o.allowances::text, o.discount_total, o.legal_entity_id, o.vat_total,
    coalesce((SELECT {COMPANY} FROM orders_companycopy b WHERE b.client_id = o.customer_id),
     (SELECT {COMPANY} FROM orders_companycopy b WHERE b.user_id = o.customer_id ORDER BY b.client_id LIMIT 1), 'null'),
    o.hold_kind, o.hold_hard_end"""
"""What an order is read by, from `orders_order o`."""

READ_ORDERS = f"SELECT {COLUMNS} FROM orders_order o WHERE o.id = ANY(%s) AND o.deleted_at IS NULL"

READ_ORDER = f"SELECT {COLUMNS} FROM orders_order o WHERE o.id = %s AND o.deleted_at IS NULL"

READ_SNAPSHOT = f"""SELECT {COLUMNS}, coalesce(s.last_seq, 0) FROM orders_order o
LEFT JOIN messaging_event_stream s ON s.aggregate = 'order' AND s.aggregate_id = o.id::text
WHERE o.id = ANY(%s) AND o.deleted_at IS NULL"""
"""One statement, so that an order and the sequence number of its last change belong together."""


_NEWEST = f"""SELECT {COLUMNS}, coalesce(s.last_seq, 0), h.position,
    EXISTS (SELECT 1 FROM messaging_outbox u
            WHERE u.position IS NULL AND u.aggregate = 'order' AND u.aggregate_id = o.id::text)
FROM (SELECT id FROM orders_order WHERE deleted_at IS NULL {{condition}}
      ORDER BY created_at DESC, id DESC LIMIT %s) AS newest
JOIN orders_order o ON o.id = newest.id
CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM messaging_feed_head) AS h
LEFT JOIN messaging_event_stream s ON s.aggregate = 'order' AND s.aggregate_id = o.id::text
ORDER BY o.created_at DESC, o.id DESC"""
NEWEST_OF_ALL = _NEWEST.format(condition="")
NEWEST_OF_CUSTOMER = _NEWEST.format(condition="AND customer_id = %s")
PLACING_S = 1.0


def read_orders(ids: Sequence[UUID]) -> list[RawOrder]:
    """Return the orders with these ids, in this order; unknown and deleted ones are left out."""
    found = {row[0]: build_document(row) for row in fetch("orders", READ_ORDERS, [list(ids)])}
    return [found[order_id] for order_id in ids if order_id in found]


def read_order(order_id: UUID, *, viewer_id: UUID, is_staff: bool) -> RawOrder | None:
    """Return one order if this caller may see it."""
    order = read_any(order_id)
    return order if order is not None and (is_staff or order.customer_id == viewer_id) else None


def read_any(order_id: UUID) -> RawOrder | None:
    """Return one order, whoever asks."""
    rows = fetch("orders", READ_ORDER, [order_id])
    return build_document(rows[0]) if rows else None


def read_snapshots(ids: Sequence[UUID]) -> list[tuple[RawOrder, int]]:
    """Orders with the `seq` of their last change, in the order of `ids`."""
    found = {row[0]: (build_document(row[:-1]), row[-1]) for row in fetch("orders", READ_SNAPSHOT, [list(ids)])}
    return [found[order_id] for order_id in ids if order_id in found]


def read_newest(customer_id: UUID | None, limit: int) -> tuple[list[tuple[RawOrder, int]], int, bool]:
    """The newest orders (of one customer, or all) with the `seq` of their last change, the position of the log that
    this state belongs to, and whether there are no older orders.

    One statement sees one state of the database. While an order has a change that the relay has not placed yet, the
    state is ahead of its position: look again for a second, so that who resumes from the position hears nothing twice.
    """
    head = read_head("orders")
    sql = NEWEST_OF_ALL if customer_id is None else NEWEST_OF_CUSTOMER
    parameters = [limit + 1] if customer_id is None else [customer_id, limit + 1]
    deadline = time.monotonic() + PLACING_S
    while True:
        rows = fetch("orders", sql, parameters)
        if not any(row[-1] for row in rows) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    found = [(build_document(row[:-3]), row[-3]) for row in rows[:limit]]
    return found, rows[0][-2] if rows else head, len(rows) <= limit


def build_document(row: tuple[Any, ...]) -> RawOrder:
    """An order from a row of COLUMNS."""
    *fields, kind, hard_end = row
    for nested in _NESTED:
        fields[nested] = msgspec.Raw(fields[nested])
    until = fields[_EXPIRES_AT]
    fields.append(HoldDocument(kind, until, hard_end) if until is not None and kind else None)
    return RawOrder(*fields)


_NESTED = [place for place, hint in enumerate(get_type_hints(RawOrder).values()) if hint is msgspec.Raw]
_EXPIRES_AT = RawOrder.__struct_fields__.index("reservation_expires_at")

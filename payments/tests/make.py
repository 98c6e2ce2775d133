"""Orders and payments for tests, made the way the product makes them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from messaging.testing import drain_outbox, make_due
from payments import services
from payments.commands import CloseAccount, GiveBackPayments, Means, RecordOrder, RecordOrderStatus, TakePayment
from payments.models import LegalEntity, Payment, Reconciliation, Refund

TOTAL = Decimal("1000000.00")


@dataclass(frozen=True)
class Order:
    """An order that payments has heard of."""

    id: UUID
    customer_id: UUID
    total: Decimal


def order(*, total: str | Decimal = TOTAL, customer_id: UUID | None = None) -> Order:
    """An order, as its creation is announced."""
    made = Order(uuid7(), customer_id or uuid7(), Decimal(total))
    services.copy_orders(commands=[created(made)])
    return made


def created(order: Order, *, version: int = 1, total: Decimal | None = None, currency: str = "RUB") -> RecordOrder:
    """Tell payments of an order, as orders does."""
    return RecordOrder(
        order_id=order.id,
        number="2026-000001",
        customer_id=order.customer_id,
        amount=order.total if total is None else total,
        currency=currency,
        version_number=version,
    )


def moved(order: Order, status: str) -> RecordOrderStatus:
    """Tell payments where an order stands, as orders does."""
    return RecordOrderStatus(order_id=order.id, status=status)


def closed(order: Order, **more: Any) -> CloseAccount:
    """Ask what a cancelled order asks."""
    return CloseAccount(order_id=order.id, reason="changed my mind", **more)


def payment_requested(order: Order, **changes: Any) -> TakePayment:
    """A checkout's request for all of an order's money."""
    fields: dict[str, Any] = {
        "order_id": order.id,
        "attempt_id": uuid7(),
        "customer_id": order.customer_id,
        "amount": order.total,
        "currency": "RUB",
        "method": "card",
        "token": "tok_success",
    }
    return TakePayment(**(fields | changes))


def refund_requested(order: Order, attempt_id: UUID | None = None, keep: str = "0.00") -> GiveBackPayments:
    """A checkout's request to give everything back, but what insurers have earned."""
    return GiveBackPayments(
        order_id=order.id, attempt_id=attempt_id or uuid7(), reason="order_cancelled", keep_amount=Decimal(keep)
    )


def payment(
    order_: Order | None = None, *, token: str = "tok_success", method: str = "card", **options: Any
) -> Payment:
    """A payment that was just started."""
    of = order_ or order()
    return services.create_payment(
        order_id=of.id,
        means=Means(method, token if method == "card" else ""),
        actor_id=of.customer_id,
        is_staff=False,
        now=timezone.now(),
        **options,
    )


def paid(order_: Order | None = None, **options: Any) -> Payment:
    """A payment that went through, by card unless told otherwise."""
    started = payment(order_, **options)
    if started.method == "cash":
        return services.capture_payment(payment_id=started.id, actor_id=uuid7(), now=timezone.now())
    drain_outbox("payments")
    return again(started)


def refund(of: Payment, amount: str | None = None, *, actor_id: UUID | None = None) -> Refund:
    """A refund that a manager asked for."""
    return services.request_refund(
        payment_id=of.id,
        amount=Decimal(amount) if amount else None,
        reason="a scratch",
        actor_id=actor_id or uuid7(),
        now=timezone.now(),
    )


def reconciliation(day: date | None = None, **fields: Any) -> Reconciliation:
    """Return what a comparison of the books kept."""
    sums = dict.fromkeys(("charged_there", "charged_here", "returned_there", "returned_here"), Decimal(0))
    kept = {"provider": "sandbox", "day": day or date(2026, 11, 20), "made_at": timezone.now()}
    return Reconciliation.objects.create(**(sums | kept | fields))


def again(row: Any) -> Any:
    """The same row as it stands now."""
    return type(row).objects.get(pk=row.pk)


def drain(rounds: int = 8) -> None:
    """Let everything happen, retries too, without waiting for them."""
    for _ in range(rounds):
        make_due("payments")
        drain_outbox("payments")


ENTITY: dict[str, Any] = {
    "code": "АС",
    "name": "ООО «Автосалон»",
    "address": "101000, г. Москва, ул. Мясницкая, д. 1",
    "inn": "7707083893",
    "kpp": "770701001",
    "ogrn": "1027700132195",
    "director": "Иванов И. И.",
    "accountant": "Петрова П. П.",
    "bank_name": "ПАО Сбербанк",
    "bik": "049805746",
    "account": "40602810700000000025",
    "correspondent_account": "30101810800000000746",
    "regimes": [{"since": "2025-01-01", "regime": "general"}],
}


def legal_entity(**fields: Any) -> LegalEntity:
    """A legal entity of the dealer, under the general regime since 2025 unless something else is said."""
    wanted = ENTITY | fields
    regimes = [{"since": date.fromisoformat(row["since"]), "regime": row["regime"]} for row in wanted["regimes"]]
    return services.add_legal_entity(fields=wanted | {"regimes": regimes}, now=timezone.now())

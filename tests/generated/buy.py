"""Buys a car, knowing no more of the shop than the client that was generated from its document.

usage: python buy.py http://127.0.0.1:8000
"""

import sys
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid4

from autosalon_client import AuthenticatedClient, Client
from autosalon_client.api.auth import auth_login_create, auth_register_create
from autosalon_client.api.orders import orders_create, orders_retrieve, orders_timeline_list
from autosalon_client.api.payments import payments_create, payments_retrieve
from autosalon_client.api.products import products_list
from autosalon_client.models import (
    AccountsLoginRequest,
    AccountsRegistrationRequest,
    AccountsTokenPair,
    AccountsUser,
    CatalogProduct,
    CatalogProductKindEnum,
    OrdersItemInput,
    OrdersOrderDocument,
    OrdersOrderInputRequest,
    OrdersStatusEnum,
    PaginatedCatalogProductList,
    PaginatedOrdersTimelineList,
    PaymentsMethodEnum,
    PaymentsPayment,
    PaymentsPaymentInputRequest,
    PaymentsStatusEnum,
    Problem,
)

PATIENCE_S = 120
Answer = TypeVar("Answer")


def expect(kind: type[Answer], answer: object) -> Answer:
    """Return an answer of the kind that was hoped for; give up at any other."""
    if isinstance(answer, kind):
        return answer
    raise SystemExit(f"refused: {answer.code}, {answer.detail}" if isinstance(answer, Problem) else f"no use: {answer}")


def sign_in(address: str) -> AuthenticatedClient:
    guest = Client(base_url=address, raise_on_unexpected_status=True)
    email, password = f"{uuid4()}@example.com", "correct-horse-battery"
    new = AccountsRegistrationRequest(email=email, password=password)
    user = expect(AccountsUser, auth_register_create.sync(client=guest, body=new))
    known = AccountsLoginRequest(email=user.email, password=password)
    pair = expect(AccountsTokenPair, auth_login_create.sync(client=guest, body=known))
    return AuthenticatedClient(base_url=address, token=pair.access_token, raise_on_unexpected_status=True)


def choose(client: AuthenticatedClient) -> CatalogProduct:
    found = products_list.sync(client=client, kind=CatalogProductKindEnum.VEHICLE, in_stock=True, page_size=10)
    cars = expect(PaginatedCatalogProductList, found).results
    return next(car for car in cars if car.available > 0)


def order(client: AuthenticatedClient, car: CatalogProduct) -> OrdersOrderDocument:
    wish = OrdersOrderInputRequest(items=[OrdersItemInput(product_id=car.id, quantity=1)], expected_total=car.price)
    key = str(uuid4())
    placed, again = (
        expect(OrdersOrderDocument, orders_create.sync(client=client, body=wish, idempotency_key=key)) for _ in range(2)
    )
    if placed.id != again.id:
        raise SystemExit("the same key has made two orders")
    return placed


def pay(client: AuthenticatedClient, due: OrdersOrderDocument) -> PaymentsPayment:
    card = PaymentsPaymentInputRequest(order_id=due.id, method=PaymentsMethodEnum.CARD, token="tok_success")
    return expect(PaymentsPayment, payments_create.sync(client=client, body=card, idempotency_key=str(uuid4())))


def watch(client: AuthenticatedClient, order_id: UUID, status: OrdersStatusEnum) -> OrdersOrderDocument:
    def read() -> OrdersOrderDocument | None:
        seen = expect(OrdersOrderDocument, orders_retrieve.sync(order_id, client=client))
        if seen.status == OrdersStatusEnum.CANCELLED:
            raise SystemExit(f"cancelled: {seen.saga.failure}")
        return seen if seen.status == status else None

    return wait_for(read, f"the order to be {status}")


def taken(client: AuthenticatedClient, payment_id: UUID) -> PaymentsPayment:
    def read() -> PaymentsPayment | None:
        seen = expect(PaymentsPayment, payments_retrieve.sync(payment_id, client=client))
        return seen if seen.status == PaymentsStatusEnum.COMPLETED else None

    return wait_for(read, "the money to be taken")


def wait_for(read: Callable[[], Answer | None], what: str) -> Answer:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (found := read()) is not None:
            return found
        time.sleep(0.2)
    raise SystemExit(f"waited for {what}, in vain")


def main(address: str) -> None:
    client = sign_in(address)
    placed = order(client, choose(client))
    due = watch(client, placed.id, OrdersStatusEnum.AWAITING_PAYMENT)
    payment = taken(client, pay(client, due).id)
    if payment.amount != due.amount_due:
        raise SystemExit(f"{payment.amount} was taken, {due.amount_due} was due")
    sold = watch(client, placed.id, OrdersStatusEnum.COMPLETED)
    told = expect(PaginatedOrdersTimelineList, orders_timeline_list.sync(sold.id, client=client)).results
    if told[-1].status is not OrdersStatusEnum.COMPLETED:
        raise SystemExit(f"the timeline ends with {told[-1]}")
    print(sold.id)


if __name__ == "__main__":
    main(sys.argv[1])

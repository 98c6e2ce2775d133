"""Refuse an id in a body that names nothing: every id of the API's document is sent as one of nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

import accounts.tests.make as accounts
import clients.tests.make as clients
import financing.tests.make as financing
import insurance.tests.make as insurance
import orders.tests.make as orders
import payments.tests.make as payments
import resources.tests.make as resources
import showroom.tests.make as showroom
from core.clock import dealer_day
from core.ids import uuid7
from messaging.testing import published
from orders.tests import answers
from tests.permissions import objects, table
from tests.permissions.objects import Ids
from tests.permissions.table import Row
from tests.permissions.test_matrix import callers, home
from tests.test_strict_input import bodies, find_request_schema, sent

SOON = timezone.now() + timedelta(days=2)
SPAN = {"start_time": SOON.isoformat(), "end_time": (SOON + timedelta(hours=1)).isoformat()}
LOAN = {"down_payment": "500000.00", "term_months": 36, "financing_type": "car_loan"}
EARNER = {"employment_status": "employed", "monthly_income": "200000.00", "birth_date": "1985-05-20"}
DAY = {"title": "Day", "start_date": SPAN["start_time"], "end_date": SPAN["end_time"], "capacity": 5}
CLAIM = {"occurred_at": timezone.now().isoformat(), "description": "A dent", "amount": "1000.00"}
OFF = {"percent": "3", "starts_on": SPAN["start_time"][:10], "ends_on": SPAN["start_time"][:10]}
CALCULATED = {"vehicle_price": "1000000.00", "down_payment": "0.00", "annual_rate": "12", "term_months": 36}
MEANS = {"method": "card", "token": "tok_success"}
BY_CARD = {"method": "card"}


def car() -> dict[str, Any]:
    return {"items": [{"product_id": str(orders.product()), "quantity": 1}]}


def offered() -> dict[str, Any]:
    return car() | {"valid_until": str(dealer_day(SOON))}


def a_buyer() -> str:
    return str(accounts.user("client").id)


def in_cart(owner: UUID) -> dict[str, Any]:
    orders.cart_item(customer_id=owner)
    return {}


def paid_by(
    *, place: str = "payment", payment: Any = BY_CARD, of: Any = lambda _: {}
) -> Callable[[UUID], dict[str, Any]]:
    """A body that is paid by a card, whose stored method is missing."""
    return lambda owner: of(owner) | {place: payment}


def ordered_by(of: Any) -> dict[str, Any]:
    """Every place of an order's body that names a stored method."""
    deposit = BY_CARD | {"amount": "1000.00"}
    return {
        "payment.": paid_by(of=of),
        "payment.0.": paid_by(of=of, payment=[BY_CARD]),
        "deposit.": paid_by(of=of, place="deposit", payment=deposit),
    }


def of_payments(owner: UUID) -> dict[str, Any]:
    return {"order_id": str(payments.order(customer_id=owner).id)}


def of_financing(owner: UUID) -> dict[str, Any]:
    of = financing.order(customer_id=owner)
    return {"order_id": str(of.order_id), "vehicle_price": "2000000.00"}


def a_type() -> str:
    return str(resources.kind().id)


Case = tuple[Callable[[UUID], dict[str, Any]], int, str]
CASES: dict[str, Case] = {
    "POST /categories parent_id": (lambda _: {"name": "Cars"}, 400, "unknown_category"),
    "PATCH /categories/{} parent_id": (lambda _: {}, 400, "unknown_category"),
    "POST /products category_id": (
        lambda _: {"sku": "A", "kind": "vehicle", "name": "Vesta", "price": "1.00"}, 400, "unknown_category",
    ),
    "PATCH /products/{} category_id": (lambda _: {}, 400, "unknown_category"),
    "PUT /products/{}/images image_ids.0": (lambda _: {}, 400, "unknown_picture"),
    "POST /favourites product_id": (lambda _: {}, 404, "not_found"),
    "POST /orders customer_id": (lambda _: car(), 400, "unknown_person"),
    "POST /orders financing.programme_id": (lambda _: car() | {"financing": LOAN | EARNER}, 400, "unknown_programme"),
    "POST /orders insurance.0.renewal_of": (lambda _: car() | {"insurance": [insurance.OSAGO]}, 400, "not_allowed"),
    "POST /orders items.0.product_id": (lambda _: {"items": [{"quantity": 1}]}, 409, "product_not_ready"),
    "PATCH /orders/{} items.0.id": (lambda _: {"items": [{"quantity": 1}]}, 404, "unknown_item"),
    "PATCH /orders/{} items.0.product_id": (lambda _: {"items": [{"quantity": 1}]}, 409, "product_not_ready"),
    "POST /orders/{}/marks line_id": (lambda _: {"codes": [orders.mark_code("A1b2C3d4E5f6G")]}, 404, "unknown_item"),
    "POST /offers customer_id": (lambda _: offered(), 400, "unknown_person"),
    "POST /offers legal_entity_id": (lambda owner: offered() | {"customer_id": a_buyer()}, 400, "unknown"),
    "POST /offers items.0.product_id": (
        lambda owner: offered() | {"customer_id": a_buyer(), "items": [{"quantity": 1}]}, 409, "product_not_ready",
    ),
    "PATCH /offers/{} legal_entity_id": (lambda _: {}, 400, "unknown"),
    "POST /offers financing.programme_id": (
        lambda owner: offered() | {"customer_id": a_buyer(), "financing": LOAN}, 400, "unknown_programme",
    ),
    "PATCH /offers/{} financing.programme_id": (lambda _: {"financing": LOAN}, 400, "unknown_programme"),
    "POST /orders/{}/assign manager_id": (lambda _: {"reason": "A holiday."}, 400, "unknown_colleague"),
    "PATCH /offers/{} items.0.product_id": (lambda _: {"items": [{"quantity": 1}]}, 409, "product_not_ready"),
    "POST /queue product_id": (lambda _: {}, 409, "product_not_ready"),
    "POST /orders/deal-quote items.0.product_id": (lambda _: {"items": [{"quantity": 1}]}, 400, "unknown_product"),
    "POST /orders/deal-quote financing.programme_id": (
        lambda _: car() | {"financing": {"down_payment": "500000.00", "term_months": 36}}, 400, "unknown_programme",
    ),
    "POST /cart/items product_id": (lambda _: {"quantity": 1}, 409, "product_not_ready"),
    "POST /cart/checkout customer_id": (in_cart, 400, "unknown_person"),
    "POST /cart/checkout financing.programme_id": (
        lambda owner: in_cart(owner) | {"financing": LOAN | EARNER}, 400, "unknown_programme",
    ),
    "POST /cart/checkout insurance.0.renewal_of": (
        lambda owner: in_cart(owner) | {"insurance": [insurance.OSAGO]}, 400, "not_allowed",
    ),
    "POST /orders legal_entity_id": (lambda _: car(), 400, "not_allowed"),
    "POST /cart/checkout legal_entity_id": (in_cart, 400, "not_allowed"),
    "POST /commissions order_id": (lambda _: {"amount": "1.00", "reason": "why not"}, 404, "not_found"),
    "POST /campaigns category_id": (lambda _: {"name": "Autumn"} | OFF, 400, "unknown_category"),
    "PUT /campaigns/{} category_id": (lambda _: {"name": "Autumn"} | OFF, 400, "unknown_category"),
    "PATCH /campaigns/{} category_id": (lambda _: {}, 400, "unknown_category"),
    "POST /coupons category_id": (lambda _: {"code": "AUTUMN"} | OFF, 400, "unknown_category"),
    "PUT /coupons/{} category_id": (lambda _: {"code": "AUTUMN"} | OFF, 400, "unknown_category"),
    "PATCH /coupons/{} category_id": (lambda _: {}, 400, "unknown_category"),
    "POST /financing/calculate programme_id": (lambda _: CALCULATED, 400, "unknown_programme"),
    "POST /financing/calculate/{} programme_id": (lambda _: CALCULATED, 400, "unknown_programme"),
    "POST /payments order_id": (lambda _: MEANS | {"amount": "1.00"}, 409, "order_not_ready"),
    "POST /financing/applications order_id": (
        lambda _: LOAN | EARNER | {"vehicle_price": "2000000.00"}, 409, "order_not_ready",
    ),
    "POST /financing/applications programme_id": (
        lambda owner: LOAN | EARNER | of_financing(owner), 400, "unknown_programme",
    ),
    "POST /financing/applications/{}/accept offer_id": (lambda _: {}, 404, "not_found"),
    "POST /insurance/quotes order_id": (lambda _: insurance.OSAGO, 409, "order_not_ready"),
    "POST /insurance/claims policy_id": (lambda _: CLAIM, 404, "not_found"),
    "POST /clients/{}/merge other_id": (lambda _: {}, 404, "not_found"),
    "POST /leads client_id": (lambda _: {"name": "Vera", "email": "vera@example.com"}, 404, "not_found"),
    "POST /leads owner_id": (lambda _: {"name": "Vera", "email": "vera@example.com"}, 400, "unknown_colleague"),
    "PATCH /leads/{} owner_id": (lambda _: {}, 400, "unknown_colleague"),
    "POST /leads/{}/move client_id": (lambda _: {"stage": "won"}, 404, "not_found"),
    "POST /events category_id": (lambda _: DAY, 400, "unknown_category"),
    "PUT /events/{} category_id": (lambda _: DAY, 400, "unknown_category"),
    "PATCH /events/{} category_id": (lambda _: {}, 400, "unknown_category"),
    "POST /test-drives car_id": (lambda _: SPAN, 400, "unknown_car"),
    "POST /test-drives customer_id": (
        lambda _: SPAN | {"car_id": str(showroom.car().resource_id)}, 400, "unknown_person",
    ),
    "POST /resources product_id": (lambda _: {"name": "Vesta", "type_id": a_type()}, 400, "unknown_product"),
    "POST /resources type_id": (lambda _: {"name": "Vesta"}, 400, "unknown_type"),
    "PUT /resources/{} product_id": (lambda _: {"name": "Vesta", "type_id": a_type()}, 400, "unknown_product"),
    "PUT /resources/{} type_id": (lambda _: {"name": "Vesta"}, 400, "unknown_type"),
    "PATCH /resources/{} product_id": (lambda _: {}, 400, "unknown_product"),
    "PATCH /resources/{} type_id": (lambda _: {}, 400, "unknown_type"),
    "POST /resources/{}/allocate event_id": (lambda _: SPAN, 400, "unknown_event"),
}  # fmt: skip
"""By operation and place: the rest of the body, and how the id is refused."""
STORED = {
    "POST /orders": ordered_by(lambda _: car()),
    "POST /cart/checkout": ordered_by(in_cart),
    "POST /payments": {"": lambda owner: BY_CARD | of_payments(owner)},
    "POST /financing/loans/{}/payments": {"": lambda _: BY_CARD | {"amount": "1.00"}},
    "POST /financing/loans/{}/early-repayment": {"": lambda _: BY_CARD | {"amount": "1.00"}},
    "POST /financing/loans/{}/return": {"": lambda _: BY_CARD},
    "POST /insurance/quotes/{}/purchase": {"payment.": paid_by()},
    "POST /insurance/policies/{}/pay-instalment": {"payment.": paid_by()},
    "POST /insurance/policies/{}/autopay": {"payment.": paid_by()},
    "POST /insurance/policies/{}/endorse": {"payment.": paid_by(of=lambda _: {"changes": {"deductible": "0"}})},
    "POST /insurance/policies/{}/reinstate": {"payment.": paid_by()},
    "POST /insurance/policies/{}/confirm": {"payment.": paid_by(of=lambda _: {"evidence": "An extract."})},
    "POST /events/{}/registrations/{}/pay": {"": lambda _: BY_CARD},
}
"""What is paid by a stored method: the rest of the body by operation and place."""
CASES |= {
    f"{operation} {place}payment_method_id": (body, 400, "unknown_payment_method")
    for operation, bodies in STORED.items()
    for place, body in bodies.items()
}
KNOWING = {
    "unknown_person": "accounts", "unknown_colleague": "accounts", "unknown_programme": "financing",
    "not_allowed": "insurance", "unknown_product": "catalog", "unknown_event": "showroom",
    "unknown_payment_method": "payments", "unknown_category": "catalog",
    "unknown": "accounts", "product_not_ready": "accounts",
}  # fmt: skip
"""Databases besides its own that an endpoint asks for what it does not keep."""
KNOWING_TOO = {"unknown_person": {"clients"}, "unknown_programme": {"accounts"}}
"""Who is no person may be a client card without an account; an offer of a loan names its buyer first."""


def places() -> Iterator[tuple[str, Row, tuple[str, ...]]]:
    for row in table.rows():
        schema = find_request_schema(row)
        for place, kind in sorted(set(bodies(schema))) if schema else ():
            if kind == "uuid":
                yield f"{row.method} {row.path} {'.'.join(place)}", row, place


def cases() -> Iterator[Any]:
    for name, row, place in places():
        if name in CASES:
            also = {KNOWING.get(CASES[name][2], home(row))} | KNOWING_TOO.get(CASES[name][2], set())
            yield pytest.param(name, row, place, marks=pytest.mark.django_db(databases=[home(row), *also]), id=name)


def test_every_id_of_the_document_has_its_refusal():
    assert {name for name, _, _ in places()} == CASES.keys()


def laid(body: Any, place: tuple[str, ...], value: str) -> Any:
    """The body with a value at its place."""
    name, *rest = place
    if name == "0":
        return [laid(body[0], tuple(rest), value), *body[1:]] if rest and body else sent(place, value)
    if not rest:
        return body | {name: value}
    return body | {name: laid(body[name], tuple(rest), value) if name in body else sent(tuple(rest), value)}


def ready(row: Row, owner: UUID) -> Ids:
    """Return what the operation is on, in a state in which a right id would be taken."""
    if row.path == "/leads/{}/move":
        from clients import services

        lead = clients.lead()
        for stage in ("contacted", "qualified"):
            services.move_lead(lead_id=lead.id, stage=stage, now=timezone.now())
        return [str(lead.id)]
    if row.path == "/offers/{}":
        return [str(orders.offer(customer_id=owner, is_sent=False).id)]
    if row.path == "/orders/{}/marks":
        order = orders.order(customer_id=owner)
        for news in (answers.reserved(order), answers.paid(order, by_saga=False)):
            answers.receive(news)
        return [str(order.id)]
    return objects.ids_for(row.path, owner) or [] if "{}" in row.path else []


@pytest.mark.parametrize(("name", "row", "place"), list(cases()))
def test_an_id_of_nothing_is_refused(name, row, place, settings):
    settings.RATE_LIMITS_ON = False
    body, status, code = CASES[name]
    people = callers(row)
    caller = people["owner" if row.word in ("mine", "signed in", "my list") and "customer" not in name else "admin"]
    path = row.path
    for one in ready(row, people["owner"].user_id):
        path = path.replace("{}", one, 1)
    given = laid(body(caller.user_id), place, str(uuid7()))
    before = published(home(row))
    answer = caller.request(row.method.lower(), path, given)
    said = answer.json()
    codes = {said["code"], *(wrong["code"] for wrong in said.get("errors", []) if wrong["field"] == ".".join(place))}
    assert (answer.status_code, code in codes) == (status, True), answer.content
    assert published(home(row)) == before

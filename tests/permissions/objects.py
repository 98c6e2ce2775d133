"""One object of each kind, owned by a given user: what the rows of the table are called on."""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.utils import timezone

import accounts.tests.make as accounts
import catalog.tests.make as catalog
import clients.tests.make as clients
import financing.tests.make as financing
import insurance.tests.make as insurance
import notifications.tests.make as notifications
import orders.tests.make as orders
import payments.tests.make as payments
import resources.tests.make as resources
import showroom.tests.make as showroom
from accounts.services import create_api_key, request_export
from catalog import services as catalog_services
from catalog.models import Import
from core.ids import uuid7
from gateway.approvals import Waits, waits_for
from messaging.testing import drain_outbox
from notifications.models import WebhookDelivery
from payments import services as payment_services

Ids = list[str]
_makers: dict[str, Callable[[UUID], Ids]] = {}


def made_by(*collections: str) -> Callable[[Callable[[UUID], Ids]], Callable[[UUID], Ids]]:
    """Declare how an object of a collection (`/orders`) is made; returns the ids that its path needs, in order."""

    def declare(maker: Callable[[UUID], Ids]) -> Callable[[UUID], Ids]:
        _makers.update(dict.fromkeys(collections, maker))
        return maker

    return declare


def ids_for(path: str, owner: UUID) -> Ids | None:
    """Make what a path or its collection is about; None for a collection nobody declared.

    What stands below it and is not declared itself gets an id of nothing.
    """
    wanted = path.partition("/{}")[0]
    deeper = next((name for name in _makers if "{}" in name and path.startswith(name)), "")
    maker = _makers.get(deeper or wanted)
    if maker is None:
        return None
    made = maker(owner)
    return made + [str(uuid7()) for _ in range(path.count("{}") - len(made))]


@made_by("/auth/sessions")
def session(owner: UUID) -> Ids:
    from accounts.models import Session, User

    accounts.pair(User.objects.get(pk=owner))
    return [str(Session.objects.get(user_id=owner).id)]


@made_by("/auth/api-keys")
def api_key(owner: UUID) -> Ids:
    row, _ = create_api_key(
        user_id=owner, name="till", scopes=["orders:read"], expires_at=None, address="127.0.0.1", now=timezone.now()
    )
    return [str(row.id)]


@made_by("/users/{}/exports/{}")
def export(owner: UUID) -> Ids:
    return [str(owner), str(request_export(user_id=owner, requested_by=owner, now=timezone.now()).id)]


@made_by("/users/{}/activity", "/users/{}/exports", "/users/{}/integrations")
def oneself(owner: UUID) -> Ids:
    return [str(owner)]


@made_by("/users")
def user(owner: UUID) -> Ids:
    return [str(accounts.user().id)]


@made_by("/categories")
def category(owner: UUID) -> Ids:
    return [str(catalog.category().id)]


@made_by("/categories/{}/attributes")
def attribute(owner: UUID) -> Ids:
    made = catalog.category()
    one = catalog_services.create_attribute(
        category_id=made.id, key="seats", kind="number", label="Seats", now=timezone.now()
    )
    return [str(made.id), str(one.id)]


@made_by("/products")
def product(owner: UUID) -> Ids:
    return [str(catalog.product().id)]


@made_by("/saved-searches")
def saved_search(owner: UUID) -> Ids:
    return [str(catalog_services.save_search(user_id=owner, name="x", query={}, now=timezone.now()).id)]


@made_by("/favourites")
def favourite(owner: UUID) -> Ids:
    product = catalog.product()
    catalog_services.add_favourite(user_id=owner, product_id=product.id, now=timezone.now())
    return [str(product.id)]


@made_by("/imports")
def price_list(owner: UUID) -> Ids:
    return [str(Import.objects.create(filename="a.csv", actor=str(owner), created_at=timezone.now()).id)]


@made_by("/orders")
def order(owner: UUID) -> Ids:
    return [str(orders.order(customer_id=owner).id)]


@made_by("/returns")
def taken_back(owner: UUID) -> Ids:
    return [str(orders.returning(customer_id=owner).id)]


@made_by("/orders/{}/deposit")
def deposit(owner: UUID) -> Ids:
    from orders.services.deposits import TERMS_VERSION

    terms = {"method": "card", "token": "tok_success", "amount": "1000.00", "terms": TERMS_VERSION}
    return [str(orders.order(customer_id=owner, deposit=terms).id)]


@made_by("/queue")
def place_in_queue(owner: UUID) -> Ids:
    return [str(orders.queued(customer_id=owner).id)]


@made_by("/orders/deal-quote")
def deal_quote(owner: UUID) -> Ids:
    from orders.services.deal_quote import quote_deal

    made = quote_deal(items=[(orders.product(), 1)], customer_id=owner, now=timezone.now())
    return [str(made.id)]


@made_by("/orders/events")
def order_event(owner: UUID) -> Ids:
    ids = order(owner)
    drain_outbox("orders")
    return ids


@made_by("/orders/{}/items/{}")
def order_line(owner: UUID) -> Ids:
    found = orders.order(customer_id=owner)
    return [str(found.id), str(found.lines.get().id)]


@made_by("/cart/items")
def cart_item(owner: UUID) -> Ids:
    return [str(orders.cart_item(customer_id=owner))]


@made_by("/orders/{}/documents/{}")
def printed(owner: UUID) -> Ids:
    return [*order(owner), "invoice"]


@made_by("/orders/{}/checkout/{}")
def checkout_leg(owner: UUID) -> Ids:
    return [*order(owner), "stock", "retry"]


@made_by("/payments", "/transactions")
def payment(owner: UUID) -> Ids:
    of = payments.order(customer_id=owner)
    return [str(payments.paid(of, method="cash").id)]


@made_by("/ledger/accounts")
def ledger_account(owner: UUID) -> Ids:
    payments.paid(payments.order(customer_id=owner), method="cash")
    return ["cash"]


@made_by("/reconciliations")
def reconciliation(owner: UUID) -> Ids:
    return [str(payments.reconciliation().id)]


@made_by("/payments/webhooks/{}")
def provider(owner: UUID) -> Ids:
    return ["sandbox"]


@made_by("/refunds")
def refund(owner: UUID) -> Ids:
    return [str(payments.refund(payments.paid(payments.order(customer_id=owner), method="cash")).id)]


@made_by("/payment-methods")
def payment_method(owner: UUID) -> Ids:
    stored = payment_services.store_method(customer_id=owner, method="card", token="tok_success", now=timezone.now())
    return [str(stored.id)]


@made_by("/approvals")
def approval(owner: UUID) -> Ids:
    payment = payments.payment(payments.order(total="9000000.00", customer_id=owner), method="cash")
    with suppress(Waits):
        payment_services.capture_payment(payment_id=payment.id, actor_id=uuid7(), now=timezone.now())
    return [str(request.id) for request in waits_for("payments", payment.id)]


@made_by("/financing/programmes")
def programme(owner: UUID) -> Ids:
    return [str(financing.programme().id)]


@made_by("/financing/applications")
def application(owner: UUID) -> Ids:
    financing.programme()
    return [str(financing.application(of=financing.order(customer_id=owner)).id)]


@made_by("/financing/applications/{}/documents/{}")
def credit_paper(owner: UUID) -> Ids:
    application_id = application(owner)[0]
    paper = financing.paper(application_id=UUID(application_id))
    return [application_id, str(paper.id)]


@made_by("/financing/overrides")
def override(owner: UUID) -> Ids:
    financing.programme()
    refused = financing.application(of=financing.order(customer_id=owner), **financing.REFUSED)
    return [str(financing.override(refused).id)]


@made_by("/financing/loans")
def loan(owner: UUID) -> Ids:
    from financing import services
    from financing.models import Loan

    financing.programme()
    of = financing.order(customer_id=owner)
    attempt_id = uuid7()
    financing.requested(of, attempt_id=attempt_id)
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt_id, now=timezone.now())
    return [str(Loan.objects.get().id)]


@made_by("/financing/calculate/{}")
def schedule_kind(owner: UUID) -> Ids:
    return ["pdf"]


@made_by("/financing/loans/{}/schedule/{}")
def loan_schedule(owner: UUID) -> Ids:
    return [*loan(owner), "xlsx"]


@made_by("/insurance/quotes")
def quote(owner: UUID) -> Ids:
    return [str(insurance.quote(customer_id=owner).id)]


@made_by("/insurance/policies")
def policy(owner: UUID) -> Ids:
    return [str(insurance.policy(customer_id=owner).id)]


@made_by("/insurance/claims")
def claim(owner: UUID) -> Ids:
    return [str(insurance.claim(insurance.policy(customer_id=owner)).id)]


@made_by("/insurance/claims/{}/documents/{}")
def paper_of_claim(owner: UUID) -> Ids:
    from insurance.services import add_document

    made = UUID(claim(owner)[0])
    photo = {"kind": "photo", "name": "car.jpg", "content": b"\xff\xd8\xff a photograph"}
    return [str(made), str(add_document(claim_id=made, actor_id=owner, now=timezone.now(), **photo).id)]


@made_by("/clients")
def client(owner: UUID) -> Ids:
    return [str(clients.client().id)]


@made_by("/clients/imports")
def client_list(owner: UUID) -> Ids:
    from clients.models import ClientImport

    return [str(ClientImport.objects.create(filename="a.csv", actor=str(owner), created_at=timezone.now()).id)]


@made_by("/clients/{}/vehicles/{}")
def garage(owner: UUID) -> Ids:
    card = clients.client()
    return [str(card.id), str(clients.vehicle(card).id)]


@made_by("/leads")
def lead(owner: UUID) -> Ids:
    return [str(clients.lead().id)]


@made_by("/clients/merges")
def merge(owner: UUID) -> Ids:
    return [str(clients.merge().id)]


@made_by("/clients/duplicates")
def duplicates(owner: UUID) -> Ids:
    return [str(clients.duplicates().id)]


@made_by("/events")
def happening(owner: UUID) -> Ids:
    return [str(showroom.happening().id)]


@made_by("/events/{}/registrations")
def registration(owner: UUID) -> Ids:
    of = showroom.happening()
    return [str(of.id), str(showroom.registration(of, owner).id)]


@made_by("/test-drives")
def drive(owner: UUID) -> Ids:
    return [str(showroom.drive(showroom.car(), owner).id)]


@made_by("/event-categories")
def event_category(owner: UUID) -> Ids:
    return [str(showroom.category().id)]


@made_by("/webhooks")
def webhook(owner: UUID) -> Ids:
    return [str(notifications.webhook().id)]


@made_by("/deliveries")
def delivery(owner: UUID) -> Ids:
    now = timezone.now()
    made = WebhookDelivery.objects.create(
        endpoint=notifications.webhook(),
        event_id=uuid7(),
        event_type="order.created",
        body=b"{}",
        next_attempt_at=now,
        created_at=now,
    )
    return [str(made.id)]


@made_by("/resource-types")
def resource_type(owner: UUID) -> Ids:
    return [str(resources.kind().id)]


@made_by("/resources")
def resource(owner: UUID) -> Ids:
    return [str(resources.resource().id)]


@made_by("/allocations")
def allocation(owner: UUID) -> Ids:
    return [str(resources.allocation(resources.resource(), 0, 1).id)]


@made_by("/notifications")
def notification(owner: UUID) -> Ids:
    notifications.recipient(owner)
    return [str(next(one for one in notifications.news(owner) if one.channel == "in_app").id)]

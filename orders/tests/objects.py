"""Make one object of each kind of orders for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from messaging.testing import drain_outbox
from orders.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/orders")
def order(owner: UUID) -> Ids:
    return [str(make.order(customer_id=owner).id)]


@made_by("/offers")
def offer(owner: UUID) -> Ids:
    return [str(make.offer(customer_id=owner).id)]


@made_by("/returns")
def taken_back(owner: UUID) -> Ids:
    return [str(make.returning(customer_id=owner).id)]


@made_by("/orders/{}/deposit")
def deposit(owner: UUID) -> Ids:
    from orders.services.deposits import TERMS_VERSION

    terms = {"method": "card", "token": "tok_success", "amount": "1000.00", "terms": TERMS_VERSION}
    return [str(make.order(customer_id=owner, deposit=terms).id)]


@made_by("/commission-rules")
def commission_rule(owner: UUID) -> Ids:
    return [str(make.commission_rule().id)]


@made_by("/campaigns")
def campaign(owner: UUID) -> Ids:
    return [str(make.promotion().id)]


@made_by("/coupons")
def coupon(owner: UUID) -> Ids:
    return [str(make.promotion(code=f"C{owner.hex[-12:].upper()}").id)]


@made_by("/queue")
def place_in_queue(owner: UUID) -> Ids:
    return [str(make.queued(customer_id=owner).id)]


@made_by("/orders/deal-quote")
def deal_quote(owner: UUID) -> Ids:
    from orders.services.deal_quote import quote_deal

    made = quote_deal(items=[(make.product(), 1)], customer_id=owner, now=timezone.now())
    return [str(made.id)]


@made_by("/orders/events")
def order_event(owner: UUID) -> Ids:
    ids = order(owner)
    drain_outbox("orders")
    return ids


@made_by("/orders/{}/items/{}")
def order_line(owner: UUID) -> Ids:
    found = make.order(customer_id=owner)
    return [str(found.id), str(found.lines.get().id)]


@made_by("/orders/{}/marks/{}")
def marked_piece(owner: UUID) -> Ids:
    mark = make.marked_piece(customer_id=owner)
    return [str(mark.order_id), str(mark.pk)]


@made_by("/cart/items")
def cart_item(owner: UUID) -> Ids:
    return [str(make.cart_item(customer_id=owner))]


@made_by("/orders/{}/documents/{}")
def printed(owner: UUID) -> Ids:
    return [*order(owner), "invoice"]


@made_by("/orders/{}/checkout/{}")
def checkout_leg(owner: UUID) -> Ids:
    return [*order(owner), "stock", "retry"]


@made_by("/document-templates")
def document_template(owner: UUID) -> Ids:
    from orders.services.templates import create_template

    made = create_template(
        kind="consent", language="ru", title="Согласие", text="{{ buyer.name }}", actor_id=owner, now=timezone.now()
    )
    return [str(made.id)]


@made_by("/documents")
def issued_document(owner: UUID) -> Ids:
    return [str(make.issued(customer_id=owner).id)]


@made_by("/orders/{}/issued/{}")
def issued_of_order(owner: UUID) -> Ids:
    made = make.issued(customer_id=owner)
    return [str(made.order_id), str(made.id)]


@made_by("/orders/{}/buyer-papers")
def buyer_papers(owner: UUID) -> Ids:
    return [str(make.issued(customer_id=owner).order_id)]

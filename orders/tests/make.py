"""Orders for tests, made the way the product makes them."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.test import override_settings
from django.utils import timezone

from catalog.events import ProductCostChanged, ProductCreated, StockLevel
from core.approvals import KnowCompany
from core.clock import day_begins, dealer_day
from core.ids import uuid7
from gateway.approvals import Waits, approve_waiting
from orders import services
from orders.approvals import COMMISSION_RULE
from orders.models import (
    CartItem,
    CommissionRule,
    Document,
    DocumentFile,
    IssuedDocument,
    MarkCode,
    Order,
    OrderReturn,
    ProductCopy,
    Promotion,
    QueuePlace,
    SalesOffer,
)
from orders.services import Actor, Holder, ProductLine
from orders.services.buyer_papers import enter_buyer_papers
from orders.services.issuing import issue_paper
from payments.events import LegalEntityChanged, RegimeRow


def product(
    *,
    price: str = "1000000.00",
    available: int = 1,
    kind: str = "vehicle",
    version: int = 1,
    currency: str = "RUB",
    vin: str = "",
    cost: str | None = None,
) -> UUID:
    """A product that orders has heard of; with what it cost, if that is said."""
    product_id = uuid7()
    services.copy_products(
        events=[
            ProductCreated(
                product_id=product_id,
                sku=f"SKU-{str(product_id)[-8:]}",
                name="Lada Vesta",
                kind=kind,
                price=Decimal(price),
                currency=currency,
                available=available,
                stock_version=1,
                version_number=version,
                vin=vin,
            )
        ]
    )
    if cost is not None:
        services.copy_costs(events=[ProductCostChanged(product_id=product_id, cost=Decimal(cost), version_number=1)])
    return product_id


def promotion(**fields: Any) -> Promotion:
    """A campaign, or with a `code` a coupon, that holds today: 3 % off unless told otherwise."""
    today = dealer_day(timezone.now())
    given: dict[str, Any] = {"name": str(uuid7()), "starts_on": today, "ends_on": today, "is_combinable": True}
    given |= {} if "amount" in fields else {"percent": Decimal(3)}
    given |= {"budget": Decimal(400_000)} | fields
    return services.add_promotion(fields=given, maker_id=uuid7(), now=timezone.now())  # type: ignore[arg-type]


def commission_rule(goods: str = "vehicle", basis: str = "fixed", value: str = "5000", **terms: Any) -> CommissionRule:
    """A rule of commission that two administrators wrote the day before it came into force, today unless told."""
    day = terms.pop("valid_from", dealer_day(timezone.now()))
    written = day_begins(day - timedelta(days=1))
    given = services.RuleTerms(
        goods=goods, basis=basis, value=Decimal(value), valid_from=day, reason="a new plan",
        **{name: Decimal(bound) for name, bound in terms.items()},
    )  # fmt: skip
    try:
        services.add_commission_rule(terms=given, maker_id=uuid7(), now=written)
    except Waits as waits:
        approve_waiting(COMMISSION_RULE, waits.ask.subject_id, person_id=uuid7(), now=written)
    return CommissionRule.objects.latest("id")


def offer(*, customer_id: UUID | None = None, is_sent: bool = True, **options: Any) -> SalesOffer:
    """A written offer of one product, sent unless told otherwise; options are its terms, and its manager `actor`."""
    actor = options.pop("actor", None) or Actor(uuid7(), frozenset({"manager"}))
    options.setdefault("lines", [ProductLine(product(), 1)])
    options.setdefault("valid_until", dealer_day(timezone.now()) + timedelta(days=5))
    terms = services.OfferTerms(**options)
    made = services.draft_offer(customer_id=customer_id or uuid7(), terms=terms, actor=actor, now=timezone.now())
    return services.send_offer(offer_id=made.id, actor=actor, now=timezone.now()) if is_sent else made


def order(*, customer_id: UUID | None = None, now: datetime | None = None, **options: Any) -> Order:
    """A freshly placed order of one product."""
    customer = customer_id or uuid7()
    options.setdefault("lines", [ProductLine(product(), 1)])
    options.setdefault("actor", Actor(customer, frozenset({"client"})))
    return services.place_order(customer_id=customer, now=now or timezone.now(), **options)


def completed(*, customer_id: UUID | None = None, manager_id: UUID | None = None, **options: Any) -> Order:
    """An order that was paid for and handed over, by that manager if one is said; options are those of `order`."""
    from orders.tests import answers

    made = order(customer_id=customer_id, **options)
    answers.receive(answers.reserved(made))
    answers.receive(answers.paid(made, by_saga=False))
    manager = Actor(manager_id or uuid7(), frozenset({"manager"}))
    for status in ("in_progress", "ready", "completed"):
        services.move_order(order_id=made.id, status=status, actor=manager, now=timezone.now())
    made.refresh_from_db()
    return made


def returning(*, customer_id: UUID | None = None, **options: Any) -> OrderReturn:
    """A return that its buyer asked for."""
    sold = completed(customer_id=customer_id, **options)
    buyer = Actor(sold.customer_id, frozenset({"client"}))
    return services.ask_return(order_id=sold.id, reason="too loud", actor=buyer, now=timezone.now())


def with_earnest_money(
    *, customer_id: UUID | None = None, amount: str = "50000.00", is_over: bool = True, **options: Any
) -> tuple[Order, UUID]:
    """An order whose earnest money came in, called off by its buyer unless told otherwise; and that payment's id."""
    from orders.tests import answers

    with override_settings(DEPOSIT_KIND="earnest"):
        terms = services.deposit_terms(timezone.now()).version
        deposit = {"method": "card", "token": "tok_success", "amount": amount, "terms": terms}
        made = order(customer_id=customer_id, deposit=deposit, **options)
    payment_id = uuid7()
    answers.receive(answers.reserved(made))
    answers.receive(answers.paid(made, amount=amount, payment_id=payment_id))
    if is_over:
        buyer = Actor(made.customer_id, frozenset({"client"}))
        services.move_order(order_id=made.id, status="cancelled", actor=buyer, now=timezone.now())
        answers.receive(answers.settled(made))
        answers.receive(answers.released(made))
    made.refresh_from_db()
    return made, payment_id


def queued(*, customer_id: UUID, now: datetime | None = None) -> QueuePlace:
    """A place in the queue for a car that somebody else's order holds."""
    car = product()
    order(lines=[ProductLine(car, 1)])
    services.copy_stock_levels(levels=[level(car, 0)])
    return services.join_queue(product_id=car, customer_id=customer_id, now=now or timezone.now())


PASSPORT = {
    "full_name": "Иванов Пётр Сергеевич", "birth_date": date(1985, 2, 1), "birth_place": "г. Казань",
    "passport": "4512345678", "issued_by": "ОВД Примерного района", "issued_on": date(2010, 3, 10),
    "department_code": "770-001", "address": "Москва, ул. Образцовая, д. 2", "phone": "8 900 123-45-67",
}  # fmt: skip


def issued(*, customer_id: UUID, kind: str = "consent") -> IssuedDocument:
    """A paper of an order whose buyer entered their passport."""
    made = order(customer_id=customer_id)
    buyer = Actor(customer_id, frozenset({"client"}))
    enter_buyer_papers(order_id=made.id, data=PASSPORT, actor=buyer, now=timezone.now())
    return issue_paper(order_id=made.id, kind=kind, language="ru", details={}, actor=buyer, now=timezone.now())


def issued_contract(made: Order) -> IssuedDocument:
    """A contract of a new car, issued by a manager for an order whose buyer entered their passport."""
    manager = Actor(uuid7(), frozenset({"manager"}))
    enter_buyer_papers(order_id=made.id, data=PASSPORT, actor=manager, now=timezone.now())
    details = {"car.handover_day": "30.11.2026", "warranty.months": "36", "car.year": "2026"}
    return issue_paper(
        order_id=made.id, kind="sale-new", language="ru", details=details, actor=manager, now=timezone.now()
    )


def printed(made: Order, *, kind: str = "invoice", buyer: str = "Иванов") -> bytes:
    """A document that a release before printed by itself; returns its file."""
    document = Document.objects.create(
        order=made, kind=kind, number=f"OLD-{uuid7().hex[-12:]}", version=1, order_version=1, facts_hash="0" * 64,
        facts={"buyer": {"name": buyer, "id": str(made.customer_id)}}, issued_by=made.customer_id,
        issued_at=timezone.now(),
    )  # fmt: skip
    content = b"%PDF-1.4 of old"
    sha256 = hashlib.sha256(content).hexdigest()
    DocumentFile.objects.create(
        document=document, language="ru", content=content, sha256=sha256, made_at=timezone.now()
    )
    return content


def legal_entity(regime: str = "general", *, is_default: bool = True, **changes: Any) -> UUID:
    """A legal entity of the dealer that orders has heard of."""
    facts = {
        "code": "АС", "name": "ООО «Салон»", "address": "Москва, ул. Примерная, д. 1", "inn": "7714000009",
        "kpp": "771401001", "ogrn": "1027700132195", "director": "Салонов М. С.", "accountant": "Счётова А. П.",
        "bank_name": "Банк «Пример»", "bik": "049805746", "account": "40602810700000000025",
        "correspondent_account": "30101810800000000746",
    }  # fmt: skip
    entity_id, rows = uuid7(), [RegimeRow(since=date(2019, 1, 1), regime=regime)]
    told = LegalEntityChanged(
        entity_id=entity_id, regimes=rows, is_default=is_default, version_number=1, **(facts | changes)
    )
    services.copy_legal_entities(events=[told])
    return entity_id


def company(customer_id: UUID, **changes: str) -> None:
    """A company that buys, as its client card tells."""
    facts = {
        "name": "ООО «Покупатель»", "inn": "7707083893", "kpp": "770701001", "ogrn": "1027700132195",
        "address": "Тверь, ул. Советская, д. 1",
    }  # fmt: skip
    told = {"client_id": uuid7(), "user_id": customer_id, "is_company": True, "version_number": 1}
    services.know_company(command=KnowCompany(**(told | facts | changes)))


def level(product_id: UUID, available: int, version: int = 99) -> StockLevel:
    """News of how much can be had."""
    return StockLevel(product_id=product_id, on_hand=available, available=available, version=version)


def cart_item(*, customer_id: UUID) -> UUID:
    """A line in a client's cart."""
    holder = Holder(customer_id)
    services.add_to_cart(holder=holder, product_id=product(), quantity=1, now=timezone.now())
    return CartItem.objects.get(cart__customer_id=customer_id).id


def marked_goods(*, price: str = "8000.00", available: int = 50, marking: str = "tyres") -> UUID:
    """An accessory whose pieces the law has marked, that orders has heard of."""
    product_id = product(price=price, available=available, kind="accessory")
    ProductCopy.objects.filter(pk=product_id).update(marking=marking)
    return product_id


def mark_code(serial: str, *, gtin: str = "04601234567893", proof: str = "EE05") -> str:
    """A code as a scanner types it: with the proof of its operator behind separators."""
    return f"01{gtin}21{serial}\x1d91{proof}\x1d92c2lnbmF0dXJl"


def marked_piece(*, customer_id: UUID | None = None) -> MarkCode:
    """The code of the one marked piece of a paid order."""
    from orders.tests import answers

    made = order(customer_id=customer_id, lines=[ProductLine(marked_goods(), 1)])
    answers.receive(answers.reserved(made))
    answers.receive(answers.paid(made, by_saga=False))
    line, manager = made.lines.get(), Actor(uuid7(), frozenset({"manager"}))
    code = mark_code(str(made.id)[-12:])
    services.enter_marks(order_id=made.id, line_id=line.id, codes=[code], actor=manager, now=timezone.now())
    return MarkCode.objects.get(order_id=made.id)

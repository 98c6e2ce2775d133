"""Declare what orders holds of a person, and what erasure leaves of it."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.events import UserDeleted, UserStayed
from core.clock import day_begins, dealer_day
from core.db import database_now
from messaging.people.classified import keeps, plain
from messaging.people.departures import open_door
from messaging.people.endings import Ending, left
from messaging.people.personal import Obligation, delete, erase, holds, obliges
from messaging.subscriptions import subscribe
from orders.models import (
    CLOSED,
    BuyerPapers,
    Cart,
    CartItem,
    CategoryTaxCopy,
    Checkout,
    CheckoutLeg,
    Commission,
    CommissionRule,
    CompanyCopy,
    CustomerStat,
    DepositAgreement,
    DepositState,
    Document,
    DocumentFile,
    DocumentSignature,
    DocumentTemplate,
    HandoverAppointment,
    IssuedDocument,
    LegalEntityCopy,
    LegKind,
    MarkCode,
    OfferHistory,
    OfferPaper,
    Order,
    OrderDiscount,
    OrderHistory,
    OrderLine,
    OrderMessage,
    OrderPayment,
    OrderReturn,
    OrderStat,
    OrderThread,
    ProductCopy,
    Promotion,
    PromotionUse,
    QualifiedSigning,
    QueuePlace,
    SalesOffer,
    SigningCode,
    StatDelta,
    Status,
    TradeIn,
)
from orders.models.deals import DealQuote
from orders.queries.cache import cached_orders
from orders.services.documents import compute_hash
from orders.services.offering import withdraw_for_leaver
from orders.services.queue import close_places

KEPT_BY_LAW = (Status.COMPLETED, Status.REFUNDED, Status.RETURNING, Status.RETURNED)
"""Papers of money that moved are primary documents of the books."""
_BOOKS = "papers of a sale that came about are primary documents (402-FZ art. 29)"
YEARS = 5
_FIVE_YEARS = "five years after the year they were issued in"


def _forget_cached(orders: QuerySet[Order]) -> None:
    for order_id in orders.values_list("pk", flat=True):
        cached_orders.forget(order_id)


def _forget_cars(legs: QuerySet[CheckoutLeg]) -> None:
    """The car somebody gave in exchange is theirs; what was counted for it is in the order's sums."""
    for leg in legs.filter(kind=LegKind.TRADE_IN):
        leg.request = {name: leg.request[name] for name in ("amount", "is_agreed") if name in leg.request}
        leg.save(update_fields=["request"])


def _forget_names(papers: QuerySet[Document]) -> None:
    """Papers of a sale that never came about forget whom they were for; their numbers stay without gaps."""
    going = papers.exclude(order__status__in=KEPT_BY_LAW)
    DocumentFile.objects.filter(document__in=going).delete()
    _blank_names(going)


def _blank_names(papers: QuerySet[Document]) -> None:
    for paper in papers:
        paper.facts["buyer"] = paper.facts["buyer"] | {"name": ""}
        paper.facts_hash = compute_hash(paper.facts)
        paper.save(update_fields=["facts", "facts_hash"])


def _out_of_years(now: datetime) -> Q:
    """Of people who have left: papers issued so long ago that the books need them no more."""
    return Q(order__customer_id__in=left("orders"), issued_at__lt=_first_day_kept(now))


def _first_day_kept(now: datetime) -> datetime:
    return day_begins(date(dealer_day(now).year - YEARS, 1, 1))


def _old_papers(now: datetime) -> QuerySet[Document]:
    return Document.objects.filter(_out_of_years(now)).exclude(facts__buyer__name="")


def _old_files(now: datetime) -> QuerySet[DocumentFile]:
    return DocumentFile.objects.filter(document__in=Document.objects.filter(_out_of_years(now)))


_PAPERS = Ending(_old_papers, _blank_names)


def _forget_passports(sheets: QuerySet[BuyerPapers]) -> None:
    sheets.exclude(order__status__in=KEPT_BY_LAW).delete()


def _forget_issued(papers: QuerySet[IssuedDocument]) -> None:
    """Papers of a sale that never came about lose their words, and keep their numbers and hashes."""
    _blank_issued(papers.exclude(order__status__in=KEPT_BY_LAW))


def _blank_issued(papers: QuerySet[IssuedDocument]) -> None:
    papers.update(text="", content=b"", facts_digest="", details=None)


def _forget_signatures(signatures: QuerySet[DocumentSignature]) -> None:
    _blank_signatures(signatures.exclude(document__order__status__in=KEPT_BY_LAW))


def _blank_signatures(signatures: QuerySet[DocumentSignature]) -> None:
    signatures.update(signer_name="", phone="", address="", user_agent="", certificate="", cms=None, code_hash="")


def _old_passports(now: datetime) -> QuerySet[BuyerPapers]:
    return BuyerPapers.objects.filter(order__customer_id__in=left("orders"), updated_at__lt=_first_day_kept(now))


def _old_issued(now: datetime) -> QuerySet[IssuedDocument]:
    return IssuedDocument.objects.filter(_out_of_years(now)).exclude(content=b"")


def _old_signatures(now: datetime) -> QuerySet[DocumentSignature]:
    old = IssuedDocument.objects.filter(_out_of_years(now))
    return DocumentSignature.objects.filter(document__in=old).exclude(signer_name="")


holds(Order, blank={"comment": ""}, erase=_forget_cached)
holds(Cart, erase=delete)
holds(CartItem, owner="cart__customer_id")
holds(OrderLine, owner="order__customer_id")
holds(MarkCode, owner="order__customer_id")
holds(OrderDiscount, owner="order__customer_id", blank={"reason": ""})
holds(Commission, owner="order__customer_id", blank={"reason": ""})
holds(OrderHistory, owner="order__customer_id", blank={"reason": ""})
holds(OrderThread, owner="order__customer_id")
holds(OrderMessage, owner="order__customer_id", blank={"text": ""})
holds(HandoverAppointment, owner="order__customer_id", blank={"reason": ""})
holds(OrderPayment, owner="order__customer_id")
holds(Checkout, owner="order__customer_id")
holds(CheckoutLeg, owner="checkout__order__customer_id", blank={"parked_reason": ""}, erase=_forget_cars)
holds(OrderReturn, owner="order__customer_id", blank={"reason": "", "condition": "", "inspection": "", "note": ""})
holds(TradeIn, owner="order__customer_id")
holds(DepositAgreement, owner="order__customer_id", blank={"fault_reason": ""})
holds(CompanyCopy, owner="user_id", erase=delete)
holds(PromotionUse, owner="customer_id")
holds(QueuePlace, blank={"reason": ""})
holds(SalesOffer, blank={"buyer_name": "", "lines": [], "insurance": [], "loan": None, "comment": "", "reason": ""})
holds(OfferHistory, owner="offer__customer_id", blank={"reason": "", "facts": {}})
holds(OfferPaper, owner="offer__customer_id", blank={"text": "", "content": b""})
holds(Document, owner="order__customer_id", erase=_forget_names)
holds(DocumentFile, owner="document__order__customer_id")
holds(BuyerPapers, owner="order__customer_id", erase=_forget_passports)
holds(IssuedDocument, owner="order__customer_id", erase=_forget_issued)
holds(DocumentSignature, owner="document__order__customer_id", erase=_forget_signatures)
holds(QualifiedSigning, owner="document__order__customer_id")
holds(SigningCode, owner="document__order__customer_id", erase=delete)


def _obligations(user_id: UUID) -> list[Obligation]:
    """Orders on their way to the handover, or being undone, or whose earnest money waits for a word or for its way."""
    is_open = ~Q(status__in=[*CLOSED, Status.COMPLETED]) | Q(checkout__finished_at=None) | Q(trade_in_owed__gt=0)
    is_open |= Q(deposit__state__in=[DepositState.WAITING, DepositState.SETTLING])
    found = Order.objects.filter(is_open, customer_id=user_id, deleted_at__isnull=True).order_by("pk")
    return [Obligation("order", order_id, number) for order_id, number in found.values_list("pk", "number")]


obliges("orders", _obligations)

plain(HandoverAppointment, "time_zone location")
plain(DealQuote, "rated_on currency coupon")
plain(Cart, "coupon")
plain(Promotion, "code name starts_on ends_on kind make category_ids")
plain(Order, "number currency placed_date policy_ids taxed_date")
plain(OrderLine, "sku name vin vat_kind vat_ground untaxed_by")
plain(MarkCode, "code identity")
plain(Commission, "currency day")
plain(CommissionRule, "valid_from reason")
plain(OrderHistory, "event actor_role request_id")
plain(DepositAgreement, "currency terms_version terms_text")
plain(QueuePlace, "name")
plain(SalesOffer, "number currency valid_until")
plain(OfferHistory, "event")
plain(OfferPaper, "title sha256")
plain(ProductCopy, "sku name kind currency vin vat_kind vat_ground make marking")
plain(CategoryTaxCopy, "taxed_as taxed_ground marked_as")
plain(LegalEntityCopy, "facts regimes")
plain(Checkout, "step")
plain(OrderPayment, "method")
plain(Document, "number facts_hash")
keeps(Document, "facts", why=f"{_BOOKS}; otherwise without the name", until=_FIVE_YEARS, ends=_PAPERS)
plain(DocumentFile, "language sha256")
keeps(DocumentFile, "content", why=f"{_BOOKS}; otherwise deleted", until=_FIVE_YEARS, ends=Ending(_old_files, delete))
plain(DocumentTemplate, "title text valid_from")
keeps(
    BuyerPapers,
    "data",
    why=f"{_BOOKS}, and name their buyer; otherwise deleted",
    until=_FIVE_YEARS,
    ends=Ending(_old_passports, delete),
)
plain(IssuedDocument, "number title sha256 text_sha256")
keeps(
    IssuedDocument,
    "text content facts_digest details",
    why=f"{_BOOKS}; otherwise emptied",
    until=_FIVE_YEARS,
    ends=Ending(_old_issued, _blank_issued),
)
plain(QualifiedSigning, "provider sha256 failure_code")
plain(DocumentSignature, "sha256 text_sha256")
keeps(
    DocumentSignature,
    "signer_name phone address user_agent certificate cms code_hash",
    why=f"{_BOOKS}, and this proves who signed them; otherwise emptied",
    until=_FIVE_YEARS,
    ends=Ending(_old_signatures, _blank_signatures),
)
plain(OrderStat, "placed_date currency")
plain(CustomerStat, "currency")
plain(StatDelta, "placed_date currency")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what orders and its log tell of a person; rows of money and their ids stay."""
    now = database_now("orders")
    close_places(customer_id=event.user_id, now=now)
    withdraw_for_leaver(customer_id=event.user_id, now=now)
    erase("orders", event.user_id)


@subscribe(UserStayed)
def let_in_again(event: UserStayed) -> None:
    """Let new business begin again for somebody who was not erased after all."""
    open_door("orders", event.user_id, event.closing_id)

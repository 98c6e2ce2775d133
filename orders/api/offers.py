"""Written offers over HTTP: managers write and send them, their buyers answer."""

from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import django_filters
import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.public import get_person
from clients.public import find_card_name
from core.db import database_now
from core.errors import InvalidInput, NotFound
from gateway.access.permissions import IsManager, IsSignedIn, require_verified_email
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.approvals.fields import PendingApprovals
from gateway.approvals.reading import with_pending
from gateway.approvals.views import may_wait
from gateway.principal import Principal
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.api.deal_quote import DealLoanInput, read_wish
from orders.api.inputs import EMPLOYMENT, OrderTerms, parse_terms, require_customer
from orders.api.serializers import DiscountWish
from orders.api.views import answer, get_actor
from orders.models import OfferHistory, OfferState, PaperLanguage, SalesOffer
from orders.queries.reading import OrderDocument
from orders.rules.offer_deals import read_loan, read_policies
from orders.rules.offers import read_goods
from orders.services import Bargain, OfferTerms, ProductLine, Purchase
from orders.services.deal_quote import MAX_POLICIES
from orders.services.offer_papers import read_offer_paper


class OfferItemInput(serializers.Serializer):
    """Goods of the catalogue, and their price or discount; without one they are offered at the list's price."""

    product_id = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=1000, default=1)
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False)
    discount = DiscountWish(required=False)


class OfferEdit(serializers.Serializer):
    """Terms of an offer; prices below cost are meant with `below_cost` alone.

    `financing` and `insurance` are as in a deal's calculation, at the agreed prices.
    """

    items = serializers.ListField(child=OfferItemInput(), min_length=1, max_length=50)
    valid_until = serializers.DateField(help_text="The last day on which it holds, by the dealer's clock.")
    language = serializers.ChoiceField(choices=PaperLanguage.choices, default=PaperLanguage.RUSSIAN)
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")
    below_cost = serializers.BooleanField(default=False)
    legal_entity_id = serializers.UUIDField(allow_null=True, default=None)
    financing = DealLoanInput(allow_null=True, default=None)
    insurance = serializers.ListField(child=serializers.DictField(), default=list, max_length=MAX_POLICIES)


class OfferInput(OfferEdit):
    """A new offer, for a person or a client card; the card of somebody with an account stands for the account."""

    customer_id = serializers.UUIDField()


class ApplicantInput(serializers.Serializer):
    """The borrower's own fields of an application: roubles a month."""

    employment_status = serializers.ChoiceField(choices=get_args(EMPLOYMENT))
    monthly_income = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0)
    monthly_obligations = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False)
    birth_date = serializers.DateField(required=False)


class AcceptInput(serializers.Serializer):
    """An answer to an offer: who borrows, where it has a loan; and as in an order how it is paid."""

    applicant = ApplicantInput(required=False)
    payment = serializers.DictField(required=False)
    deposit = serializers.DictField(required=False)
    trade_in = serializers.DictField(required=False)


class OfferReason(serializers.Serializer):
    """A word on why."""

    reason = serializers.CharField(max_length=1000, allow_blank=True, default="")


class OfferItemSerializer(serializers.Serializer):
    """A line of an offer; `discount_amount` is what was taken off a piece."""

    product_id = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField()
    vin = serializers.CharField()
    quantity = serializers.IntegerField()
    list_price = serializers.DecimalField(max_digits=14, decimal_places=2)
    discount_amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=2)
    line_total = serializers.DecimalField(max_digits=14, decimal_places=2)
    vat_rate = serializers.DecimalField(max_digits=5, decimal_places=2, allow_null=True)
    vat_amount = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True)


class OfferLoanSerializer(serializers.Serializer):
    """A loan as it was calculated on `rated_on`: the bank decides on it once it is applied for."""

    programme_id = serializers.UUIDField()
    bank = serializers.CharField()
    programme = serializers.CharField()
    financing_type = serializers.CharField()
    annual_rate = serializers.DecimalField(max_digits=9, decimal_places=4)
    down_payment = serializers.DecimalField(max_digits=14, decimal_places=2)
    term_months = serializers.IntegerField()
    insurance_financed = serializers.BooleanField(source="is_insurance_financed")
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    monthly_payment = serializers.DecimalField(max_digits=14, decimal_places=2)
    psk = serializers.DecimalField(max_digits=9, decimal_places=3)
    rated_on = serializers.DateField()


class LaterPartSerializer(serializers.Serializer):
    """An instalment to come."""

    due_date = serializers.DateField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)


class OfferPolicySerializer(serializers.Serializer):
    """A policy as it was quoted on `rated_on`: `due_now` is part of the offer's total, `later` instalments are not."""

    insurance_type = serializers.CharField()
    insurer = serializers.CharField()
    premium = serializers.DecimalField(max_digits=14, decimal_places=2)
    due_now = serializers.DecimalField(max_digits=14, decimal_places=2)
    later = LaterPartSerializer(many=True)
    request = serializers.DictField()
    rated_on = serializers.DateField()


class OfferSerializer(serializers.ModelSerializer):
    """An offer; `number` says which version it is, and `allowed` the states that it may go to."""

    number = serializers.CharField(source="known_as", read_only=True)
    items = serializers.SerializerMethodField()
    financing = serializers.SerializerMethodField()
    insurance = serializers.SerializerMethodField()
    allowed = serializers.ListField(source="list_next", child=serializers.CharField(), read_only=True)
    pending_approvals = PendingApprovals("orders")

    class Meta:
        model = SalesOffer
        fields = [
            "id", "number", "revision", "state", "allowed", "customer_id", "manager_id", "items", "financing",
            "insurance", "total_amount",
            "discount_total", "currency", "valid_until", "language", "comment", "reason", "legal_entity_id",
            "order_id", "pending_approvals", "created_at", "updated_at", "sent_at", "ended_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema(responses=OfferItemSerializer(many=True))
    def get_items(self, offer: SalesOffer) -> list[dict[str, Any]]:
        return [dict(OfferItemSerializer(goods).data) for goods in read_goods(offer.lines)]

    @extend_schema_field(OfferLoanSerializer(allow_null=True))
    def get_financing(self, offer: SalesOffer) -> dict[str, Any] | None:
        loan = read_loan(offer.loan)
        return None if loan is None else dict(OfferLoanSerializer(loan).data)

    @extend_schema_field(OfferPolicySerializer(many=True))
    def get_insurance(self, offer: SalesOffer) -> list[dict[str, Any]]:
        return [dict(OfferPolicySerializer(policy).data) for policy in read_policies(offer.insurance)]


class OfferHistorySerializer(serializers.ModelSerializer):
    """A change of an offer, and its facts after it; nobody's hand has no `actor_id`."""

    class Meta:
        model = OfferHistory
        fields = ["id", "event", "actor_id", "reason", "facts", "at"]
        read_only_fields = fields


class OfferFilter(django_filters.FilterSet):
    """By state, buyer, manager and order."""

    state = django_filters.MultipleChoiceFilter(choices=OfferState.choices)
    customer_id = django_filters.UUIDFilter()
    manager_id = django_filters.UUIDFilter()
    order_id = django_filters.UUIDFilter()

    class Meta:
        model = SalesOffer
        fields: list[str] = []


class OfferViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Offers made to oneself, once they were sent; managers see all."""

    permission_classes = [IsSignedIn]
    serializer_class = OfferSerializer
    filterset_class = OfferFilter
    queryset = SalesOffer.objects.none()
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}
    idempotent_on = "orders"
    throttle_scopes = {"order": "order_create", "document": "files"}

    def now(self) -> datetime:
        return database_now("orders")

    def get_queryset(self) -> QuerySet[SalesOffer]:
        found = with_pending(SalesOffer.objects.all())
        if self.principal.is_staff:
            return found
        return found.filter(customer_id=self.principal.id, sent_at__isnull=False)

    @write(request=OfferInput, responses={201: OfferSerializer}, once="orders.offer")
    def create(self, call: Call) -> SalesOffer:
        """Write an offer down as a draft, at prices by the same rules as a manager's discounts."""
        body = dict(call.body)
        customer_id = require_customer(body.pop("customer_id"))
        person = get_person(customer_id)
        return services.draft_offer(
            customer_id=customer_id,
            terms=OfferTerms(**_read(body)),
            actor=get_actor(call.principal),
            now=call.now,
            buyer_name=(person.full_name or person.email) if person else find_card_name(customer_id),
        )

    @write(request=OfferEdit(partial=True), responses=OfferSerializer)
    def partial_update(self, call: Call, pk: UUID) -> SalesOffer:
        """Change a draft; what was sent is revised instead."""
        return services.change_offer(
            offer_id=pk,
            changes=_read(dict(call.body)),
            actor=get_actor(call.principal),
            now=call.now,
            expected_version=call.expected_version,
        )

    @action(detail=True, methods=["post"])
    @write(responses={201: OfferSerializer}, once="orders.revise_offer")
    def revise(self, call: Call, pk: UUID) -> SalesOffer:
        """Begin a new version of what was sent, as a draft; the draft that is there already, if one is."""
        return services.revise_offer(offer_id=pk, actor=get_actor(call.principal), now=call.now)

    @action(detail=True, methods=["post"])
    @write(responses=may_wait(OfferSerializer), once="orders.send_offer")
    def send(self, call: Call, pk: UUID) -> SalesOffer:
        """Send a draft to its buyer; above what one may take off alone, or below cost, a second person agrees first."""
        return services.send_offer(
            offer_id=pk,
            actor=get_actor(call.principal),
            now=call.now,
            expected_version=call.expected_version,
        )

    @action(detail=True, methods=["post"])
    @write(request=OfferReason, responses=OfferSerializer)
    def withdraw(self, call: Call, pk: UUID) -> SalesOffer:
        """Take an offer or a draft back."""
        return services.withdraw_offer(offer_id=pk, actor=get_actor(call.principal), now=call.now, **call.body)

    @action(detail=True, methods=["post"])
    @write(request=OfferReason, responses=OfferSerializer)
    def decline(self, call: Call, pk: UUID) -> SalesOffer:
        """Say no to an offer: its buyer, or a manager for them."""
        return services.decline_offer(offer_id=pk, actor=get_actor(call.principal), now=call.now, **call.body)

    @action(detail=True, methods=["post"])
    @write(request=AcceptInput, responses={201: OrderDocument}, once="orders.accept_offer")
    def order(self, call: Call, pk: UUID) -> Response:
        """Accept an offer: it becomes an order at exactly its terms, and said again it is the same order.

        Of an offer with a loan it is said who borrows: the bank decides on it.
        """
        require_verified_email(call.principal)
        purchase = _read_purchase(dict(call.body), self.get_object().customer_id, call.principal)
        made = services.accept_offer(offer_id=pk, actor=get_actor(call.principal), now=call.now, purchase=purchase)
        shown = answer(made.id, call.principal)
        return Response(msgspec.json.decode(shown.body), status=201, headers={"ETag": f'"{shown.version}"'})

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], filterset_class=None)
    def document(self, request: Request, pk: UUID) -> HttpResponse:
        """The offer as PDF: as it was sent, or of a draft as it would be sent today."""
        refuse_unknown(request, set())
        offer = self.get_object()
        content = read_offer_paper(offer_id=pk, now=self.now())
        response = hand_over(request, Papers("orders", "offer", pk, offer.customer_id), content, "application/pdf")
        file_name = f"{offer.known_as.replace('/', '-')}.pdf"
        response["Content-Disposition"] = content_disposition_header(False, file_name) or "inline"
        response["Cache-Control"] = "private, no-cache"
        return response

    @extend_schema(responses=OfferHistorySerializer(many=True))
    @action(detail=True, methods=["get"], ordering=("id",), ordering_fields={}, filterset_class=None)
    def timeline(self, request: Request, pk: UUID) -> Response:
        """List what happened to an offer, oldest first."""
        refuse_unknown(request, set())
        if not SalesOffer.objects.filter(pk=pk).exists():
            raise NotFound
        page = self.paginate_queryset(OfferHistory.objects.filter(offer_id=pk))
        return self.get_paginated_response(OfferHistorySerializer(page, many=True).data)

    def get_permissions(self) -> Any:
        of_staff = {"create", "partial_update", "revise", "send", "withdraw", "timeline"}
        return [IsManager()] if self.action in of_staff else super().get_permissions()


def _read(body: dict[str, Any]) -> dict[str, Any]:
    """Return terms as the service takes them. Raises InvalidInput."""
    if "financing" in body:
        body["loan"] = read_wish(body.pop("financing"))
    if "items" in body:
        body["lines"] = [_line(index, item) for index, item in enumerate(body.pop("items"))]
    return body


def _read_purchase(body: dict[str, Any], customer_id: UUID, principal: Principal) -> Purchase:
    """Return what a buyer says as they accept, judged as of any order. Raises InvalidInput."""
    applicant = body.pop("applicant", None)
    plain = msgspec.to_builtins(body | {"customer_id": customer_id})
    terms = parse_terms(msgspec.convert(plain, OrderTerms, strict=False), principal, [])
    return Purchase(
        applicant=msgspec.to_builtins(dict(applicant)) if applicant else None,
        **{name: terms[name] for name in ("payment", "deposit", "trade_in")},
    )


def _line(index: int, item: dict[str, Any]) -> ProductLine:
    discount, unit_price = item.get("discount"), item.get("unit_price")
    if discount is None and unit_price is None:
        return ProductLine(item["product_id"], item["quantity"])
    if discount is not None and not {"amount", "percent"} & set(discount) and unit_price is None:
        raise InvalidInput(f"items.{index}.discount", "invalid", _("Say one of: amount; percent; unit_price."))
    return ProductLine(item["product_id"], item["quantity"], Bargain(unit_price=unit_price, **(discount or {})))

"""Make an order or an offer for a client: pick goods, agree to prices, see what it comes to, then make it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.public import OnSale, find_on_sale
from clients.public import find_card_name, find_customer
from core.clock import dealer_day
from core.db import database_now
from core.errors import DomainError
from core.ids import find_uuid, uuid7
from core.money import DEFAULT_CURRENCY
from core.screens.base import BusinessAdmin, money_text
from core.screens.forms import ScreenForm, blame, show
from core.screens.numbers import MoneyField, WholeField
from gateway.models import KnownPerson
from gateway.requests.idempotency import run_once
from orders import services
from orders.admin.common import get_actor
from orders.models import ProductCopy

FOUND = 12
"""Goods that a search on the page shows."""
MOST = 50
OFFER_DAYS = 7
"""Days for which an offer is proposed to hold."""
ORDER, OFFER = "order", "offer"
LATER = ""
MEANS = (
    (LATER, gettext_lazy("agreed later")),
    ("cash", gettext_lazy("in cash")),
    ("bank_transfer", gettext_lazy("by bank transfer")),
    ("card", gettext_lazy("by card, on the bank's page")),
)
PREVIEWS: dict[str, Literal["order", "offer"]] = {"see_order": "order", "see_offer": "offer"}
MAKES: dict[str, Literal["order", "offer"]] = {"make_order": "order", "make_offer": "offer"}


class DealForm(ScreenForm):
    """Terms of the deal besides its goods."""

    method = forms.ChoiceField(label=gettext_lazy("means of payment"), choices=MEANS, required=False)
    coupon = forms.CharField(label=gettext_lazy("coupon"), max_length=40, required=False)
    reason = forms.CharField(
        label=gettext_lazy("reason of the lower prices"),
        max_length=1000,
        required=False,
        help_text=gettext_lazy("Staff read it, the buyer does not."),
    )
    valid_until = forms.DateField(label=gettext_lazy("an offer holds until"), required=False)
    comment = forms.CharField(
        label=gettext_lazy("words to the buyer"), max_length=2000, required=False, widget=forms.Textarea
    )


class PickForm(forms.Form):
    """One of the goods picked: how many, and the price agreed for a piece."""

    quantity = WholeField(min_value=1, max_value=1000)
    price = MoneyField(min_value=0, required=False)


@dataclass
class Pick:
    """Goods on the page as they were typed, with what is wrong about them."""

    copy: ProductCopy
    quantity: str = "1"
    price: str = ""
    wrong: str = ""
    line: services.ProductLine | None = None

    @property
    def list_price(self) -> str:
        """Return the price of the list in words."""
        return money_text(self.copy.price, self.copy.currency)


class DealScreen(BusinessAdmin):
    """A screen of orders with the page that makes one, or an offer, for a client."""

    def get_urls(self) -> list[URLPattern]:
        made = self.admin_site.admin_view(self.deal_view)
        return [path("for/<uuid:customer_id>/", made, name="orders_order_for"), *super().get_urls()]

    def deal_view(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Pick goods and terms, show what they come to, and make the order or the draft on the second word."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        buyer_id = find_customer(customer_id) or customer_id
        name = find_card_name(customer_id) or _name_known(customer_id)
        if not name:
            raise Http404
        asked = request.POST.get("do", "")
        picks = _read_picks(request, asked)
        form = DealForm(request.POST if asked in {**PREVIEWS, **MAKES} else None, initial=_propose(request))
        foreseen: services.ForeseenDeal | None = None
        if form.is_bound and form.is_valid() and _are_whole(form, picks):
            try:
                if asked in MAKES:
                    return self._make(request, MAKES[asked], buyer_id, name, picks, form)
                foreseen = _foresee(request, PREVIEWS[asked], buyer_id, picks, form)
            except DomainError as error:
                blame(form, error)
        context = {
            "title": _("Order or offer for %(client)s") % {"client": name},
            "form": form,
            "picks": picks,
            "found": _find(request, picks),
            "q": request.POST.get("q", ""),
            "foreseen": foreseen and _show_foreseen(foreseen, PREVIEWS[asked]),
            "key": request.POST.get("key") or str(uuid7()),
            "card": reverse("admin:clients_client_person", args=[customer_id]),
        }
        return show(self, request, "orders/deal", context, status=400 if form.errors else 200)

    def _make(
        self, request: HttpRequest, kind: str, buyer_id: UUID, name: str, picks: list[Pick], form: DealForm
    ) -> HttpResponse:
        def act() -> HttpResponse:
            lines = [pick.line for pick in picks if pick.line is not None]
            made: Any
            if kind == ORDER:
                made = services.place_order(
                    customer_id=buyer_id, actor=get_actor(request), lines=lines, now=database_now("orders"),
                    expected_total=_read_total(request), **_read_order_terms(form),
                )  # fmt: skip
                said, page = _("Order %(number)s is placed.") % {"number": made.number}, "admin:orders_order_change"
            else:
                made = services.draft_offer(
                    customer_id=buyer_id, terms=_read_offer_terms(form, lines), actor=get_actor(request),
                    now=database_now("orders"), buyer_name=name,
                )  # fmt: skip
                said, page = _("The draft is written. Read it, then send it."), "admin:orders_salesoffer_change"
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(reverse(page, args=[made.pk]))

        key = request.POST.get("key", "")
        maker_id = get_actor(request).id or uuid7()
        return run_once(request, maker_id, alias="orders", route=f"POST admin {kind}", form_key=key, action=act)


def _name_known(customer_id: UUID) -> str:
    known = KnownPerson.objects.using("orders").filter(pk=customer_id).values_list("name", flat=True).first()
    return known or ""


def _propose(request: HttpRequest) -> dict[str, Any]:
    """Return what the form begins with: what was typed on the page so far, and a week for an offer."""
    usual = {"valid_until": (dealer_day(database_now("orders")) + timedelta(days=OFFER_DAYS)).isoformat()}
    return usual | {name: request.POST[name] for name in DealForm.base_fields if name in request.POST}


def _read_picks(request: HttpRequest, asked: str) -> list[Pick]:
    """Read the goods on the page, with the one that was just added and without the one just taken off."""
    step, _colon, which = asked.partition(":")
    ids = [find_uuid(one) for one in request.POST.getlist("product")]
    ids += [find_uuid(which)] if step == "add" else []
    wanted = [one for one in dict.fromkeys(ids) if one and not (step == "drop" and str(one) == which)][:MOST]
    copies = ProductCopy.objects.in_bulk(wanted)
    return [_read_pick(request, copies[one]) for one in wanted if one in copies]


def _read_pick(request: HttpRequest, copy: ProductCopy) -> Pick:
    key = str(copy.product_id)
    pick = Pick(copy, request.POST.get(f"quantity-{key}", "1"), request.POST.get(f"price-{key}", ""))
    form = PickForm({"quantity": pick.quantity, "price": pick.price})
    if not form.is_valid():
        pick.wrong = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return pick
    price = form.cleaned_data["price"]
    reason = request.POST.get("reason", "")
    bargain = None if price in (None, copy.price) else services.Bargain(unit_price=price, reason=reason)
    pick.line = services.ProductLine(copy.product_id, form.cleaned_data["quantity"], bargain)
    return pick


def _are_whole(form: DealForm, picks: list[Pick]) -> bool:
    """Tell whether the goods can be sold as they were typed, and say in the form why not."""
    if not picks:
        form.add_error(None, _("Pick goods first."))
    elif any(pick.wrong for pick in picks):
        form.add_error(None, _("Correct quantity and price of the goods."))
    return not form.errors


def _find(request: HttpRequest, picks: list[Pick]) -> list[tuple[OnSale, str]]:
    """Find goods by what was typed; a catalogue that is away finds none."""
    if request.POST.get("do") != "find":
        return []
    try:
        found = find_on_sale(request.POST.get("q", "")[:100], FOUND)
    except DatabaseError:
        return []
    known = {pick.copy.product_id for pick in picks}
    return [
        (one, money_text(one.price, one.currency))
        for one in found
        if one.id not in known and one.currency == DEFAULT_CURRENCY
    ]


def _read_order_terms(form: DealForm) -> dict[str, Any]:
    given = form.cleaned_data
    payment = [{"method": given["method"]}] if given["method"] else None
    return {"payment": payment, "coupon": given["coupon"].strip(), "comment": given["comment"]}


def _read_offer_terms(form: DealForm, lines: list[services.ProductLine]) -> services.OfferTerms:
    given = form.cleaned_data
    until = given["valid_until"] or dealer_day(database_now("orders")) + timedelta(days=OFFER_DAYS)
    return services.OfferTerms(lines=lines, valid_until=until, comment=given["comment"])


def _read_total(request: HttpRequest) -> Decimal | None:
    """Return the total that the preview showed; another one is refused."""
    try:
        return MoneyField(required=False).clean(request.POST.get("total", ""))
    except forms.ValidationError:
        return Decimal(-1)


def _foresee(
    request: HttpRequest, kind: str, buyer_id: UUID, picks: list[Pick], form: DealForm
) -> services.ForeseenDeal:
    lines = [pick.line for pick in picks if pick.line is not None]
    who: dict[str, Any] = {"customer_id": buyer_id, "actor": get_actor(request), "now": database_now("orders")}
    if kind == ORDER:
        return services.foresee_order(lines=lines, **who, **_read_order_terms(form))
    return services.foresee_offer(terms=_read_offer_terms(form, lines), **who)


def _show_foreseen(deal: services.ForeseenDeal, kind: str) -> dict[str, Any]:
    lines = [
        (
            line.name,
            line.quantity,
            money_text(line.list_price, deal.currency),
            money_text(line.unit_price, deal.currency),
            money_text(line.line_total, deal.currency),
        )
        for line in deal.lines
    ]
    return {
        "is_offer": kind == OFFER,
        "lines": lines,
        "total": money_text(deal.total, deal.currency),
        "exact": str(deal.total),
        "discount": money_text(deal.discount, deal.currency) if deal.discount else "",
        "waits": deal.waits,
    }

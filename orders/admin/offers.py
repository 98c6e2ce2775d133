"""Written offers: read with their goods and history, sent, and taken back."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core.clock import dealer_day
from core.db import database_now
from core.errors import DomainError, NotFound
from core.ids import find_uuid
from core.screens.base import ReadOnlyAdmin, asking_as, column, level, money_text
from core.screens.labels import display
from gateway.access.readings import Papers, hand_over
from gateway.models import KnownPerson
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import ReadOnlyInline, get_actor
from orders.models import OfferHistory, OfferState, SalesOffer
from orders.rules.offer_deals import read_loan, read_policies
from orders.rules.offers import read_goods
from orders.services.offer_papers import read_offer_paper

COLOURS = {
    OfferState.DRAFT: "info",
    OfferState.SENT: "warning",
    OfferState.ACCEPTED: "success",
    OfferState.DECLINED: "danger",
    OfferState.EXPIRED: "danger",
    OfferState.WITHDRAWN: "danger",
}
STEPS = {
    "offer.created": _("written"),
    "offer.changed": _("changed"),
    "offer.sent": _("sent"),
    "offer.accepted": _("accepted"),
    **{
        f"offer.{state.value}": state.label for state in (OfferState.DECLINED, OfferState.EXPIRED, OfferState.WITHDRAWN)
    },
}
NEWEST = 500
"""Newest offers whose managers are offered to choose from."""


class ManagerFilter(admin.SimpleListFilter):
    """Offers of one manager: oneself, or who wrote one lately."""

    title = _("assigned to")
    parameter_name = "manager"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        newest = SalesOffer.objects.order_by("-created_at", "-id").values_list("manager_id", flat=True)[:NEWEST]
        others = {one for one in newest if one != request.user.pk}
        named = dict(KnownPerson.objects.using("orders").filter(pk__in=others).values_list("pk", "name"))
        listed = sorted((named.get(one) or str(_("name unknown")), str(one)) for one in others)
        return [("me", _("myself")), *((one, name) for name, one in listed)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value() or ""
        manager_id = request.user.pk if chosen == "me" else find_uuid(chosen)
        return queryset.filter(manager_id=manager_id) if manager_id else queryset


class LastDayFilter(admin.SimpleListFilter):
    """Offers by how near their last day is."""

    title = _("valid until")
    parameter_name = "until"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("today", _("today")), ("week", _("within seven days")), ("over", _("past its last day"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = dealer_day(database_now("orders"))
        match self.value():
            case "today":
                return queryset.filter(valid_until=today)
            case "week":
                return queryset.filter(valid_until__range=(today, today + timedelta(days=7)))
            case "over":
                return queryset.filter(valid_until__lt=today)
            case _:
                return queryset


class HistoryInline(ReadOnlyInline):
    model = OfferHistory
    fields = readonly_fields = ["moment", "what", "why"]
    verbose_name_plural = _("history")
    ordering = ["id"]
    tab = True
    moment = column("at", _("when"))
    why = column("reason", _("reason"))

    @display(description=_("what"))
    def what(self, step: OfferHistory) -> str:
        """The step in words."""
        return str(STEPS.get(step.event, step.event))


class WithdrawalForm(BaseDialogForm):
    """A word on why."""

    reason = forms.CharField(
        label=_("reason"), max_length=1000, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def _send(request: HttpRequest, offer_id: UUID, filled: dict[str, Any]) -> object:
    return services.send_offer(offer_id=offer_id, actor=get_actor(request), now=database_now("orders"))


def _withdraw(request: HttpRequest, offer_id: UUID, filled: dict[str, Any]) -> object:
    return services.withdraw_offer(offer_id=offer_id, actor=get_actor(request), now=database_now("orders"), **filled)


@admin.register(SalesOffer)
class SalesOfferAdmin(NamesPeople, ReadOnlyAdmin):
    """Written offers, the newest first; their goods and prices are written from a client's card."""

    people: ClassVar = {"customer": "customer_id", "owner": "manager_id"}
    fields = readonly_fields = [
        "known_as", "coloured_state", "customer", "owner", "goods", "policies", "loan_terms", "total", "discounts",
        "valid_until", "language", "comment", "is_below_cost", "reason", "order", "created_at", "sent_at", "ended_at",
    ]  # fmt: skip
    list_display = ["known_as", "coloured_state", "customer", "owner", "total", "valid_until", "created_at"]
    list_filter = ["state", ManagerFilter, LastDayFilter]
    search_fields = ["number__startswith"]
    ordering = ["-created_at", "-id"]
    inlines = [HistoryInline]
    actions_detail = ["paper", "send", "withdraw"]
    send = asking_as(
        "send",
        _("Send the offer"),
        BaseDialogForm,
        _send,
        question=_(
            "The buyer is told of it, and nothing of it changes any more. Above the limit a second person agrees."
        ),
        variant=ActionVariant.PRIMARY,
    )
    withdraw = asking_as(
        "withdraw",
        _("Withdraw the offer"),
        WithdrawalForm,
        _withdraw,
        question=_("The buyer cannot accept it any more."),
        variant=ActionVariant.DANGER,
    )

    @action(description=_("Download the offer"), url_path="paper", permissions=["send"])
    def paper(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The PDF as it was sent, or of a draft as it would be today."""
        offer = SalesOffer.objects.filter(pk=object_id).first()
        if offer is None:
            raise Http404
        try:
            content = read_offer_paper(offer_id=offer.pk, now=database_now("orders"))
        except NotFound as error:
            raise Http404 from error
        except DomainError as error:
            self.message_user(request, error.detail, level(error))
            return HttpResponseRedirect(reverse("admin:orders_salesoffer_change", args=[offer.pk]))
        papers, name = Papers("orders", "offer", offer.pk, offer.customer_id), offer.known_as.replace("/", "-")
        headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
        return hand_over(request, papers, content, "application/pdf", headers=headers)

    def has_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the offer's state allows it, and whose it is, is for the service to say."""
        return self.has_view_permission(request)

    has_withdraw_permission = has_send_permission

    @display(description=_("number"), ordering="number")
    def known_as(self, offer: SalesOffer) -> str:
        return offer.known_as

    @display(description=_("state"), label=COLOURS, ordering="state")
    def coloured_state(self, offer: SalesOffer) -> tuple[str, str]:
        return offer.state, offer.get_state_display()

    @display(description=_("total"), ordering="total_amount")
    def total(self, offer: SalesOffer) -> str:
        return money_text(offer.total_amount, offer.currency)

    @display(description=_("discounts"))
    def discounts(self, offer: SalesOffer) -> str:
        return money_text(offer.discount_total, offer.currency)

    @display(description=_("goods"))
    def goods(self, offer: SalesOffer) -> str:
        """Each line with its list price and what was agreed."""
        rows = (
            (
                one.name,
                one.quantity,
                money_text(one.list_price, offer.currency),
                money_text(one.unit_price, offer.currency),
            )
            for one in read_goods(offer.lines)
        )
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} × {}: <s>{}</s> {}</li>", rows))

    @display(description=_("policies"))
    def policies(self, offer: SalesOffer) -> str:
        """Each policy with its insurer and what is due now for it."""
        kept = read_policies(offer.insurance)
        rows = ((one.name, one.insurer_name, money_text(one.due_now, offer.currency)) for one in kept)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} {}: {}</li>", rows)) if offer.insurance else "–"

    @display(description=_("loan"))
    def loan_terms(self, offer: SalesOffer) -> str:
        """The loan as it was calculated: what a month, for how long, by whom."""
        loan = read_loan(offer.loan)
        if loan is None:
            return "–"
        return _("%(bank)s, %(programme)s: %(payment)s a month for %(months)s months, full cost %(psk)s %%") % {
            "bank": loan.bank,
            "programme": loan.programme,
            "payment": money_text(loan.monthly_payment, offer.currency),
            "months": loan.term_months,
            "psk": loan.psk,
        }

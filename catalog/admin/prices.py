"""Manager screens of prices: many changed at once after a preview, and those that will hold later."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Count, F, Max, Min, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action

from catalog import services
from catalog.models import (
    Category,
    Condition,
    LineOutcome,
    PriceRevision,
    PriceStep,
    ProductKind,
    ProductSearch,
    RevisionStatus,
    ScheduledPrice,
)
from catalog.services.revisions import MOST, PriceRule
from core.errors import DomainError
from core.money import DEFAULT_CURRENCY
from core.screens.base import BusinessAdmin
from core.screens.forms import Screen, ScreenForm, show
from core.screens.labels import display

LINES = 100
"""Lines of a preview on one page."""
STEPS = ("0.01", "1", "10", "100", "500", "1000", "5000", "10000")
MOST_CATEGORIES = 1_000
"""Offered in the form; products of others are chosen in their list."""
ANY = ("", gettext_lazy("any"))


class RevisionForm(ScreenForm):
    """Choice of products, and of what is to become of their prices."""

    ids = forms.CharField(required=False, widget=forms.HiddenInput)
    q = forms.CharField(label=gettext_lazy("search"), max_length=200, required=False)
    make = forms.CharField(label=gettext_lazy("make"), max_length=60, required=False)
    model = forms.CharField(label=gettext_lazy("model"), max_length=120, required=False)
    category = forms.ChoiceField(
        label=gettext_lazy("category"), required=False, help_text=gettext_lazy("with all below")
    )
    goods = forms.ChoiceField(label=gettext_lazy("kind"), required=False, choices=[ANY, *ProductKind.choices])
    condition = forms.ChoiceField(label=gettext_lazy("condition"), required=False, choices=[ANY, *Condition.choices])
    price_min = forms.DecimalField(label=gettext_lazy("price from"), required=False, min_value=0, decimal_places=2)
    price_max = forms.DecimalField(label=gettext_lazy("price to"), required=False, min_value=0, decimal_places=2)
    currency = forms.CharField(
        label=gettext_lazy("currency"),
        initial=DEFAULT_CURRENCY,
        validators=[RegexValidator(r"\A[A-Z]{3}\Z", gettext_lazy("A currency is three capital letters, as in RUB."))],
        help_text=gettext_lazy("Prices in others are left out"),
    )
    kind = forms.ChoiceField(label=gettext_lazy("change by"), choices=PriceStep.choices)
    value = forms.DecimalField(
        label=gettext_lazy("how much"), max_digits=14, decimal_places=2, help_text=gettext_lazy("-5 makes it cheaper")
    )
    step = forms.ChoiceField(label=gettext_lazy("round to"), choices=[(step, step) for step in STEPS], initial="1")
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200)

    FILTERS = ("q", "make", "model", "category", "goods", "condition", "price_min", "price_max")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self["ids"].value():
            for name in self.FILTERS:
                self.fields[name].widget = forms.HiddenInput()
            return
        rows = Category.objects.order_by("path").values_list("id", "name", "level")
        category = cast(forms.ChoiceField, self.fields["category"])
        category.choices = [ANY, *((str(pk), "— " * level + name) for pk, name, level in rows[:MOST_CATEGORIES])]

    def clean_ids(self) -> list[UUID]:
        try:
            return [UUID(one) for one in self.cleaned_data["ids"].split(",") if one]
        except ValueError as error:
            raise ValidationError(_("The chosen products could not be read. Choose them again.")) from error

    def products(self) -> ProductSearch | list[UUID]:
        """Return the products that a valid form chose."""
        given = self.cleaned_data
        if given["ids"]:
            return given["ids"]
        return ProductSearch(
            q=given["q"],
            make=given["make"],
            model=given["model"],
            category=UUID(given["category"]) if given["category"] else None,
            kind=given["goods"],
            condition=given["condition"],
            price_min=given["price_min"],
            price_max=given["price_max"],
        )

    def rule(self) -> PriceRule:
        """Return what a valid form makes of a price."""
        given = self.cleaned_data
        return PriceRule(PriceStep(given["kind"]), given["value"], Decimal(given["step"]))


@admin.register(PriceRevision)
class PriceRevisionAdmin(Screen):
    """Changes of many prices, newest first."""

    list_display = ["created_at", "summary", "coloured_status", "actor", "closed_by", "closed_at"]
    list_filter = ["status"]
    ordering = ["-id"]

    @display(description=gettext_lazy("change of prices"))
    def summary(self, revision: PriceRevision) -> str:
        return str(revision)

    @display(
        description=gettext_lazy("status"),
        label={
            RevisionStatus.DRAFT: "info",
            RevisionStatus.APPLYING: "warning",
            RevisionStatus.APPLIED: "success",
            RevisionStatus.DISCARDED: "danger",
        },
    )
    def coloured_status(self, revision: PriceRevision) -> tuple[str, str]:
        return revision.status, str(RevisionStatus(revision.status).label)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Choose products and a rule; nothing is changed before its preview was confirmed."""
        self.require(self.has_add_permission(request))
        is_sent = request.method == "POST" and "value" in request.POST
        form = RevisionForm(request.POST if is_sent else None, initial={"ids": request.POST.get("ids", "")})
        if is_sent and form.is_valid():
            try:
                revision = services.preview_prices(
                    products=form.products(),
                    rule=form.rule(),
                    currency=form.cleaned_data["currency"],
                    reason=form.cleaned_data["reason"],
                    actor=str(request.user.pk),
                    now=timezone.now(),
                )
            except DomainError as error:
                form.add_error(None, str(error.detail))
            else:
                return self.to(revision.pk)
        return self.ask(request, form)

    def ask(self, request: HttpRequest, form: RevisionForm) -> HttpResponse:
        """The form, saying how many products were chosen by hand."""
        chosen = str(form["ids"].value() or "").count(",") + 1 if form["ids"].value() else 0
        intro = ngettext("%(n)d product was chosen.", "%(n)d products were chosen.", chosen) % {"n": chosen}
        context = {
            "title": _("Change prices"),
            "form": form,
            "label": _("Preview"),
            "intro": intro if chosen else _("Choose the products by what they are; empty filters mean any."),
        }
        return show(self, request, "screens/form", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The preview, old beside new, with totals; a POST applies or discards it."""
        revision = self.find(request, object_id)
        if revision is None:
            return self.nowhere(request, object_id)
        if request.method == "POST":
            return self._act(request, revision)
        lines = revision.lines.select_related("product").order_by("id")
        page = list(lines.filter(id__gt=_number(request.GET.get("after", "")))[: LINES + 1])
        context = {
            "title": str(revision),
            "revision": revision,
            "status": RevisionStatus(revision.status).label,
            "is_open": revision.status in (RevisionStatus.DRAFT, RevisionStatus.APPLYING),
            "is_draft": revision.status == RevisionStatus.DRAFT,
            "totals": _totals(revision),
            "outcomes": _outcomes(revision),
            "lines": page[:LINES],
            "next": page[LINES - 1].pk if len(page) > LINES else "",
        }
        return show(self, request, "catalog/revision", context)

    def _act(self, request: HttpRequest, revision: PriceRevision) -> HttpResponse:
        self.require(self.has_add_permission(request))
        act = services.discard_prices if request.POST.get("do") == "discard" else services.apply_prices
        try:
            done = act(revision_id=revision.pk, actor=str(request.user.pk), now=timezone.now())
        except DomainError as error:
            self.refuse(request, error)
        else:
            self.message_user(request, f"{done}: {RevisionStatus(done.status).label}", messages.SUCCESS)
        return self.to(revision.pk)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _totals(revision: PriceRevision) -> dict[str, Any]:
    difference = F("new_price") - F("old_price")
    return revision.lines.aggregate(
        number=Count("id"),
        old=Sum("old_price"),
        new=Sum("new_price"),
        difference=Sum(difference),
        least=Min(difference),
        most=Max(difference),
    )


def _outcomes(revision: PriceRevision) -> list[tuple[Any, int]]:
    rows = revision.lines.exclude(outcome="").values("outcome").annotate(number=Count("id")).order_by("outcome")
    return [(LineOutcome(row["outcome"]).label, row["number"]) for row in rows]


class ScheduledPriceForm(forms.ModelForm):
    """A price, and from when it holds."""

    class Meta:
        model = ScheduledPrice
        fields = ("product", "price", "due_at", "reason")

    def clean_due_at(self) -> Any:
        if self.cleaned_data["due_at"] <= timezone.now():
            raise ValidationError(_("A scheduled price begins in the future."))
        return self.cleaned_data["due_at"]


@admin.register(ScheduledPrice)
class ScheduledPriceAdmin(BusinessAdmin):
    """Prices that will hold later, the next first; those that hold already are history."""

    form = ScheduledPriceForm
    list_display = ["due_at", "product", "present_price", "price", "reason", "actor", "applied_at"]
    list_select_related = ["product"]
    list_filter = [("applied_at", admin.EmptyFieldListFilter)]
    search_fields = ["product__sku__exact"]
    ordering = ["-due_at", "-id"]
    autocomplete_fields = ["product"]
    actions_detail = ["cancel"]

    @display(description=gettext_lazy("price now"))
    def present_price(self, scheduled: ScheduledPrice) -> Decimal:
        return scheduled.product.price

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        waiting = ScheduledPrice.objects.filter(pk=object_id, applied_at__isnull=True)
        return self.has_add_permission(request) and waiting.exists()

    @action(description=gettext_lazy("Forget this price"), permissions=["cancel"], url_path="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Forget a price that does not hold yet; a link alone does nothing."""
        scheduled = ScheduledPrice.objects.get(pk=object_id)
        if request.method != "POST":
            context = {"title": _("Forget this price?"), "form": forms.Form(), "label": _("Forget this price")}
            return show(self, request, "screens/form", context | {"intro": f"{scheduled.product}: {scheduled}"})
        try:
            services.cancel_scheduled_price(product_id=scheduled.product_id, scheduled_id=scheduled.pk)
            self.message_user(request, _("The price is forgotten."), messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, str(error.detail), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:catalog_scheduledprice_changelist"))

    def save_model(self, request: HttpRequest, obj: ScheduledPrice, form: Any, change: bool) -> None:
        given = form.cleaned_data
        obj.pk = services.schedule_price(
            product_id=given["product"].pk,
            price=given["price"],
            due_at=given["due_at"],
            reason=given["reason"],
            actor=str(request.user.pk),
            now=timezone.now(),
        ).pk


def chosen_ids(products: QuerySet[Any]) -> str:
    """The ids of chosen products, one more than may be changed at once."""
    return ",".join(str(pk) for pk in products.order_by("pk").values_list("pk", flat=True)[: MOST + 1])

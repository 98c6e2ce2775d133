"""Limits of lending: dated rows with their history, and how each bank's quarter stands against its shares."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.clock import dealer_day
from core.screens.base import ReadOnlyAdmin
from financing import queries, services
from financing.models import CreditLimit, LimitKind
from financing.queries.limit_files import LimitFact
from financing.queries.limits import compute_ceiling, get_quarter_start

_TIERS = {"moderate": "50–80 %", "high": "> 80 %"}


@admin.register(CreditLimit)
class CreditLimitAdmin(ReadOnlyAdmin):
    """Rows are added, never edited: one for the same days takes the place of another, which stays as history."""

    list_display = [
        "kind", "shown_bank", "plain_value", "shown_ceiling", "valid_from", "valid_to", "source", "created_at",
        "withdrawn_at",
    ]  # fmt: skip
    list_filter = ["kind", ("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = ["bank", "source"]
    ordering = ["-valid_from", "-id"]
    fields = ["kind", "bank", "value", "valid_from", "valid_to", "source"]
    actions_list = ["quarter"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("financing.add_creditlimit"))

    def save_model(self, request: HttpRequest, obj: CreditLimit, form: ModelForm, change: bool) -> None:
        fact = LimitFact(**form.cleaned_data)
        services.write_limits(facts=[fact], author_id=cast(UUID, request.user.pk), now=timezone.now())
        saved = CreditLimit.objects.get(kind=fact.kind, bank=fact.bank, valid_from=fact.valid_from, withdrawn_at=None)
        obj.__dict__.update(saved.__dict__)

    @admin.display(description=_("bank"), ordering="bank")
    def shown_bank(self, row: CreditLimit) -> Any:
        return row.bank or _("every lender")

    @admin.display(description=_("value"), ordering="value")
    def plain_value(self, row: CreditLimit) -> Any:
        return row.plain_value

    @admin.display(description=_("ceiling, % a year"))
    def shown_ceiling(self, row: CreditLimit) -> Any:
        """A third above the average."""
        return compute_ceiling(row.value) if row.kind in (LimitKind.PSK_NEW, LimitKind.PSK_USED) else "–"

    @action(description=_("This quarter"), url_path="quarter", permissions=["view"])
    def quarter(self, request: HttpRequest) -> HttpResponse:
        """Show what each bank has agreed at a debt load above 50 %, and how much room is left."""
        day = dealer_day(timezone.now())
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("This quarter"),
            "opts": self.model._meta,
            "since": get_quarter_start(day),
            "shares": [(bank, _TIERS[share.tier], share) for bank, share in queries.shares_on(day)],
        }
        return TemplateResponse(request, "admin/financing/quarter.html", context).render()

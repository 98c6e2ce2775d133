"""Show whom the dealership sells through; an administrator writes requisites, and a second person agrees to them."""

from datetime import date
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from core.errors import InvalidInput
from core.money.vat import Regime
from core.screens.base import BusinessAdmin
from core.screens.labels import display
from payments import services
from payments.admin.steps import ReadOnlyInline
from payments.models import LegalEntity, LegalEntityRevision
from payments.services.legal_entities import EntityFields, check_entity, normalize


def write_regimes(rows: list[dict[str, Any]]) -> str:
    """Return tax regimes as people type them: a day and a regime a row."""
    return "\n".join(f"{row['since']}; {row['regime']}" for row in rows)


def read_regimes(text: str) -> list[dict[str, Any]]:
    """Read tax regimes as people type them. Raises InvalidInput."""
    rows = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        day, _mark, regime = line.partition(";")
        try:
            rows.append({"since": date.fromisoformat(day.strip()), "regime": Regime(regime.strip()).value})
        except ValueError as error:
            detail = _("Row %(row)s is no day and tax regime.") % {"row": number}
            raise InvalidInput("regimes", "invalid", detail) from error
    return rows


class EntityForm(forms.ModelForm):
    """Requisites, judged by their check digits beside the box that holds them."""

    regimes = forms.CharField(
        label=gettext_lazy("tax regimes"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "A first day and a regime a row, such as: 2026-01-01; general. Regimes: general, simplified, simplified_5, "
            "simplified_7."
        ),
    )  # fmt: skip

    class Meta:
        model = LegalEntity
        fields = [
            "code", "name", "address", "inn", "kpp", "ogrn", "director", "accountant", "bank_name", "bik", "account",
            "correspondent_account", "regimes", "is_default",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.regimes:
            self.initial["regimes"] = write_regimes(self.instance.regimes)

    def clean_regimes(self) -> list[dict[str, Any]]:
        try:
            return read_regimes(self.cleaned_data["regimes"])
        except InvalidInput as error:
            raise forms.ValidationError(error.detail) from error

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if not self.errors:
            try:
                check_entity(LegalEntity(**normalize(cast(EntityFields, filled))))
            except InvalidInput as error:
                self.add_error(error.errors[0]["field"], error.errors[0]["detail"])
        return filled

    def _post_clean(self) -> None:
        """Judge nothing a second time: the instance stays as it is kept, for the service to change."""


class RevisionInline(ReadOnlyInline):
    model = LegalEntityRevision
    fields = ["at", "account", "bank", "numbers", "regimes", "is_retired", "made_by", "agreed_by"]
    readonly_fields = ["account", "bank", "numbers", "regimes"]
    ordering = ["-id"]

    @display(description=gettext_lazy("bank account"))
    def account(self, row: LegalEntityRevision) -> str:
        return str(row.facts["account"])

    @display(description=gettext_lazy("bank"))
    def bank(self, row: LegalEntityRevision) -> str:
        return ", ".join(filter(None, (row.facts["bank_name"], row.facts["bik"])))

    @display(description=gettext_lazy("INN, KPP, OGRN"))
    def numbers(self, row: LegalEntityRevision) -> str:
        return ", ".join(filter(None, (row.facts["inn"], row.facts["kpp"], row.facts["ogrn"])))

    @display(description=gettext_lazy("tax regimes"))
    def regimes(self, row: LegalEntityRevision) -> str:
        return write_regimes(row.facts["regimes"])


@admin.register(LegalEntity)
class LegalEntityAdmin(BusinessAdmin):
    """Managers look, administrators write; what money goes by waits until somebody else agrees."""

    form = EntityForm
    list_display = ["name", "code", "inn", "account", "is_default", "updated_at"]
    search_fields = ["name", "inn__exact", "code__exact"]
    ordering = ["name", "id"]
    inlines = [RevisionInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(deleted_at=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(cast(Any, request.user).is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def get_actions(self, request: HttpRequest) -> Any:
        return {}

    def save_model(self, request: HttpRequest, obj: LegalEntity, form: forms.ModelForm, change: bool) -> None:
        fields, maker_id, now = cast(EntityFields, form.cleaned_data), cast(UUID, request.user.pk), timezone.now()
        if change:
            saved = services.update_legal_entity(entity_id=obj.pk, changes=fields, maker_id=maker_id, now=now)
        else:
            saved = services.add_legal_entity(fields=fields, maker_id=maker_id, now=now)
        obj.__dict__.update(saved.__dict__)

    def delete_model(self, request: HttpRequest, obj: LegalEntity) -> None:
        maker_id = cast(UUID, request.user.pk)
        services.delete_legal_entity(entity_id=obj.pk, maker_id=maker_id, now=timezone.now())

"""Bank programmes: the only rows that are edited by hand, and each change makes a new version."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from core.errors import InvalidInput
from core.screens.base import BusinessAdmin
from financing import services
from financing.admin.looking import LookedAt
from financing.models import PaperKind, Programme, ProgrammeRate
from financing.queries.programme_rules import check_bank_rules
from financing.services import ProgrammeFields


class ProgrammeForm(ModelForm):
    """A programme's fields; what the rules contradict is said beside the field, and nothing is saved."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        for name in ("fees", "residual_limits"):
            setattr(self.instance, name, getattr(self.instance, name) or [])
        try:
            check_bank_rules(self.instance, None)
        except InvalidInput as error:
            for item in error.errors:
                name = item["field"].split(".")[0]
                self.add_error(name if name in self.fields else None, item["detail"])


class RateInline(LookedAt):
    """Rates by term, to look at; they change through the API."""

    model = ProgrammeRate


@admin.register(Programme)
class ProgrammeAdmin(BusinessAdmin):
    """Programmes: each change makes a new version, which decisions name."""

    list_display = ["bank", "name", "financing_type", "base_rate", "valid_from", "valid_to", "version"]
    list_filter = ["financing_type", "valid_from"]
    search_fields = ["bank", "name"]
    readonly_fields = ["currency", "version", "created_at", "updated_at"]
    ordering = ["bank", "id"]
    inlines = [RateInline]
    form = ProgrammeForm

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Papers are ticked, not typed."""
        if db_field.name == "required_documents":
            return forms.MultipleChoiceField(
                label=db_field.verbose_name,
                choices=PaperKind.choices,
                required=False,
                widget=UnfoldAdminCheckboxSelectMultipleWidget,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Programme, form: ModelForm, change: bool) -> None:
        names = form.changed_data if change else form.cleaned_data
        given = {name: form.cleaned_data[name] for name in names}
        if "residual_limits" in given:
            given["residual_limits"] = given["residual_limits"] or []
        if "fees" in given:
            given["fees"] = given["fees"] or []
        fields, maker_id = cast(ProgrammeFields, given), cast(UUID, request.user.pk)
        if change:
            saved = services.change_programme(
                programme_id=obj.pk, changes=fields, maker_id=maker_id, now=timezone.now()
            )
        else:
            saved = services.open_programme(fields=fields, maker_id=maker_id, now=timezone.now())
        obj.__dict__.update(saved.__dict__)

"""Provide what every app's manager screens are built from."""

from collections.abc import Callable
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import JSONField, Model, QuerySet, UUIDField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core.db import LeavesRecord, transaction
from core.errors import DomainError
from core.money.wording import money_text
from core.screens.above import describe_above
from core.screens.confirming import AsksFirst
from core.screens.labels import display

__all__ = ["money_text"]
CAPPED = 1_000


def level(error: DomainError) -> int:
    """Return how loudly a screen says what the business answered: waiting for a second person is no error."""
    return messages.ERROR if error.status >= 400 else messages.WARNING


class CappedPaginator(Paginator):
    """Counts no further than a thousand rows; beyond that it trusts the planner's estimate.

    What lies before a far page is passed over by its keys alone: an index has them, and nothing is joined to them.
    """

    @cached_property
    def count(self) -> int:
        """Exact up to 1,000, then an estimate; never a full COUNT(*)."""
        rows = cast(QuerySet[Any], self.object_list)
        capped = len(rows.values_list("pk", flat=True)[: CAPPED + 1])
        return capped if capped <= CAPPED else max(capped, _estimate(rows))

    def page(self, number: int | str) -> Page[Any]:
        """The rows of one page. Raises InvalidPage."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        if start < CAPPED:
            return super().page(number)
        rows = cast(QuerySet[Any], self.object_list)
        keys = list(rows.values_list("pk", flat=True)[start : start + self.per_page])
        return Page(rows.filter(pk__in=keys), number, self)


def _estimate(rows: QuerySet[Any]) -> int:
    sql, parameters = rows.order_by().query.get_compiler(rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    return int(plan[0]["Plan"]["Plan Rows"])


def list_technical(model: type[Model]) -> set[str]:
    """List the columns of a model that tell a person nothing: ids of what lies elsewhere, structures, versions."""
    kinds = (UUIDField, JSONField)
    return {
        field.name
        for field in model._meta.fields
        if isinstance(field, kinds)
        or field.name == "version"
        or field.name.endswith(("_version", "_key", "_path", "sha256"))
    }


class BusinessAdmin(AsksFirst):
    """Base of all screens: no full counts, questions before actions, and rows that only services change read-only."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    shows_technical: ClassVar[frozenset[str]] = frozenset()
    """Columns of a technical kind that this screen shows to everybody, in a form that people read."""

    personal_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns of the list that tell of a person though no field of the table says so: worked out, or another's name."""
    exports_rows: ClassVar[bool] = True
    """Tells whether the list goes out as a file by the way of all lists; False where it has one of its own, or none."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep ids, versions and raw structures from the page of an object: administrators find them folded away."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        hidden = list_technical(self.model) - self.shows_technical
        named = [name for _title, options in fieldsets for name in options["fields"] if name in hidden]
        kept = [
            (title, {**options, "fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in fieldsets
        ]
        if named and getattr(request.user, "is_superuser", False):
            kept.append((_("Technical"), {"classes": ["collapse"], "fields": named}))
        return kept

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, and above it what the apps put there."""
        above = describe_above(request, self) if request.method == "GET" and self.has_view_permission(request) else {}
        return super().changelist_view(request, above | (extra_context or {}))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say on the form what a service refuses; Django's own transaction around it took its record with it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            if isinstance(error, LeavesRecord):
                with transaction(error.alias):
                    error.leave()
            self.message_user(request, error.detail, level(error))
            return HttpResponseRedirect(request.get_full_path())


def column(name: str, label: Any) -> Any:
    """A column of rows that are looked at, under a heading in words; a choice is shown by its name."""

    def shown(self: Any, row: Any) -> Any:
        told = getattr(row, f"get_{name}_display", None)
        value = told() if told else getattr(row, name)
        return "–" if value in (None, "") else value

    return display(description=label)(shown)


class ReadOnlyAdmin(BusinessAdmin):
    """A screen to look at: records are made and changed by the business alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TechnicalAdmin(ReadOnlyAdmin):
    """A table that only who looks after the system reads: copies of others' data, messages as they came."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class ReasonForm(BaseDialogForm):
    """Why; nothing is done without it."""

    reason = forms.CharField(label=_("reason"), max_length=255, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


def asking(
    name: str,
    label: Any,
    form: type[BaseDialogForm],
    step: Callable[[UUID, UUID, dict[str, Any]], object],
    *,
    question: Any = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Any:
    """A button on an object's page that shows a form, then calls the service; a form without fields only confirms.

    `step` takes the object's id, the manager's and what the form holds. The screen says by `has_<name>_permission` who
    may.
    """

    def by_id(request: HttpRequest, object_id: UUID, filled: dict[str, Any]) -> object:
        return step(object_id, cast(UUID, request.user.pk), filled)

    return asking_as(name, label, form, by_id, question=question, variant=variant)


def asking_as(
    name: str,
    label: Any,
    form: type[BaseDialogForm],
    step: Callable[[HttpRequest, UUID, dict[str, Any]], object],
    *,
    question: Any = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Any:
    """The same where the service wants to know in what role a manager acts: `step` takes the request first."""

    def act(self: ModelAdmin, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        filled = {field: value for field, value in form.cleaned_data.items() if not field.startswith("_")}
        try:
            step(request, UUID(object_id), filled)
            self.message_user(request, str(label), messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, error.detail, level(error))
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        is_dialog = "HX-Request" in request.headers
        return HttpResponse(headers={"HX-Redirect": page}) if is_dialog else HttpResponseRedirect(page)

    act.__name__ = name
    dialog = {"title": label, "description": question, "form_class": form, "form_submit_text": label}
    return action(description=label, permissions=[name], variant=variant, dialog=dialog, url_path=name)(act)


def asking_why(
    name: str,
    label: Any,
    step: Callable[[UUID, UUID, str], object],
    *,
    question: Any = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Any:
    """A button that asks for the reason alone; `step` takes it after the ids of the object and the manager."""

    def explained(object_id: UUID, actor_id: UUID, said: dict[str, Any]) -> object:
        return step(object_id, actor_id, said["reason"])

    return asking(name, label, ReasonForm, explained, question=question, variant=variant)

"""Build manager screens of one's own: forms in the admin's dress, and pages within its frame."""

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.errors import DomainError, InvalidInput
from core.screens.base import BusinessAdmin
from core.screens.numbers import NumberField, WholeField

DAY: dict[str, str] = {"type": "date"}
MOMENT: dict[str, str] = {"type": "datetime-local"}


class ScreenForm(forms.Form):
    """A form whose fields look like the admin's own."""

    dress: ClassVar[tuple[tuple[type[forms.Field], Any], ...]] = (
        (forms.FileField, UnfoldAdminFileFieldWidget),
        (forms.BooleanField, UnfoldBooleanWidget),
        (forms.MultipleChoiceField, UnfoldAdminCheckboxSelectMultipleWidget),
        (forms.ChoiceField, UnfoldAdminSelectWidget),
        (NumberField, UnfoldAdminTextInputWidget),
        (WholeField, UnfoldAdminTextInputWidget),
        (forms.DateField, partial(UnfoldAdminTextInputWidget, attrs=DAY)),
        (forms.DateTimeField, partial(UnfoldAdminTextInputWidget, attrs=MOMENT)),
        (forms.DecimalField, UnfoldAdminDecimalFieldWidget),
        (forms.IntegerField, UnfoldAdminIntegerFieldWidget),
        (forms.CharField, UnfoldAdminTextInputWidget),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if field.widget.is_hidden:
                continue
            if isinstance(field.widget, forms.Textarea):
                field.widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
                continue
            field.widget = next(widget for kind, widget in self.dress if isinstance(field, kind))()
            if isinstance(field, NumberField | WholeField):
                field.widget.attrs.update(field.widget_attrs(field.widget))
            if isinstance(field, forms.ChoiceField):
                field.widget.choices = field.choices


def blame(form: forms.Form, error: DomainError) -> None:
    """Say in a form what the business refused: beside the field that it names, or above all of them."""
    named = error.errors[0]["field"] if isinstance(error, InvalidInput) else None
    form.add_error(named if named in form.fields else None, str(error.detail))


def show(
    screen: BusinessAdmin, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page within the admin's frame; `template` is `<folder>/<name>` in templates/admin."""
    frame = {**screen.admin_site.each_context(request), "opts": screen.opts}
    return TemplateResponse(request, f"admin/{template}.html", frame | context, status=status)


class Screen(BusinessAdmin):
    """A model whose add page and object page are screens of their own."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def require(self, is_allowed: bool) -> None:
        """Raises PermissionDenied."""
        if not is_allowed:
            raise PermissionDenied

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """The object of a page, or None when there is none."""
        self.require(self.has_view_permission(request))
        return self.get_object(request, object_id)

    def nowhere(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Back to the start page, saying that there is no such object."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return answer

    def to(self, object_id: UUID) -> HttpResponseRedirect:
        """To an object's page."""
        return HttpResponseRedirect(self.address(object_id))

    def address(self, object_id: UUID) -> str:
        """Return the address of an object's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])

    def refuse(self, request: HttpRequest, error: DomainError) -> None:
        """Say what the business refused."""
        self.message_user(request, str(error.detail), messages.ERROR)

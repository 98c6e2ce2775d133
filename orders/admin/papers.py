"""Words of papers with a live preview, and the papers that were issued from them."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget

from core.db import database_now
from core.errors import InvalidInput
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, asking
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders.models import DocumentTemplate, IssuedDocument, PaperKind, TemplateState
from orders.queries.paper_preview import preview_html
from orders.rules.paper_fields import LISTS, list_fields
from orders.rules.paper_template import check_template
from orders.services import templates

COLOURS = {TemplateState.DRAFT: "info", TemplateState.IN_FORCE: "success", TemplateState.RETIRED: "danger"}


class TemplateForm(forms.ModelForm):
    """Words that are judged as they are saved: the line of a mistake stands beside them."""

    class Meta:
        model = DocumentTemplate
        fields = ["kind", "language", "title", "text"]
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 30, "spellcheck": "false"})}

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        kind = filled.get("kind") or self.instance.kind
        if kind and filled.get("text"):
            try:
                check_template(kind, filled["text"])
            except InvalidInput as error:
                self.add_error("text", error.detail)
        return filled


class EnforcementForm(BaseDialogForm):
    """The day from which a version is issued."""

    valid_from = forms.DateField(label=_("valid from"), widget=UnfoldAdminDateWidget)


class RetirementForm(BaseDialogForm):
    """Nothing but a yes."""


def _enforce(template_id: UUID, manager_id: UUID, filled: dict[str, Any]) -> object:
    now = database_now("orders")
    return templates.enforce_template(template_id=template_id, actor_id=manager_id, now=now, **filled)


def _retire(template_id: UUID, manager_id: UUID, filled: dict[str, Any]) -> object:
    return templates.retire_template(template_id=template_id, now=database_now("orders"))


@admin.register(DocumentTemplate)
class DocumentTemplateAdmin(BusinessAdmin):
    """Versions of the words of papers; drafts are written, versions in force are read."""

    form = TemplateForm
    fields = ["kind", "language", "title", "text", "preview", "known_fields", "number", "state", "valid_from"]
    readonly_fields = ["preview", "known_fields", "number", "state", "valid_from"]
    list_display = ["title", "kind", "language", "number", "coloured_state", "valid_from", "created_at"]
    list_filter = ["kind", "language", "state"]
    search_fields = ["title"]
    ordering = ["-created_at", "-id"]
    actions_detail = ["enforce", "retire"]
    enforce = asking(
        "enforce",
        _("Put in force"),
        EnforcementForm,
        _enforce,
        question=_("From this day on papers are issued with these words; they cannot be changed any more."),
        variant=ActionVariant.PRIMARY,
    )
    retire = asking(
        "retire",
        _("Retire"),
        RetirementForm,
        _retire,
        question=_("Nothing is issued with these words any more; what was issued stays."),
        variant=ActionVariant.DANGER,
    )

    class Media:
        js = ("autosalon/template_preview.js",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, *(["kind", "language"] if obj else [])]

    def has_change_permission(self, request: HttpRequest, obj: DocumentTemplate | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == TemplateState.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_enforce_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the version's state allows it is for the service to say."""
        return self.has_view_permission(request)

    has_retire_permission = has_enforce_permission

    def save_model(self, request: HttpRequest, obj: DocumentTemplate, form: forms.ModelForm, change: bool) -> None:
        words = form.cleaned_data
        if change:
            saved = templates.change_template(template_id=obj.pk, title=words["title"], text=words["text"])
        else:
            manager_id = cast(UUID, request.user.pk)
            saved = templates.create_template(actor_id=manager_id, now=database_now("orders"), **words)
        obj.__dict__.update(saved.__dict__)

    def get_urls(self) -> list[URLPattern]:
        shown = path("preview/", self.admin_site.admin_view(self.preview_view), name="orders_documenttemplate_preview")
        return [shown, *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Answer what is being written with test data, or with the line of a mistake."""
        kind, text = request.POST.get("kind", ""), request.POST.get("text", "")
        if request.method != "POST" or not self.has_view_permission(request) or kind not in PaperKind.values:
            return JsonResponse({}, status=403)
        try:
            return JsonResponse({"html": preview_html(kind=kind, text=text)})
        except InvalidInput as error:
            return JsonResponse({"error": error.detail})

    @display(description=_("preview"))
    def preview(self, template: DocumentTemplate) -> str:
        """The words with test data; a script keeps it up to date while they are written."""
        shown = preview_html(kind=template.kind, text=template.text) if template.kind and template.text else ""
        return format_html(
            '<div id="template-preview" data-url="{}" data-kind="{}">{}</div>',
            reverse("admin:orders_documenttemplate_preview"),
            template.kind or "",
            shown,
        )

    @display(description=_("fields"))
    def known_fields(self, template: DocumentTemplate) -> str:
        """All that words of this kind may name; of every kind while none is chosen."""
        kinds = [template.kind] if template.kind else PaperKind.values
        known = {item.path: item.label for kind in kinds for item in list_fields(kind)}
        fields = format_html_join("", "<code>{{{{ {} }}}}</code> {}<br>", known.items())
        loops = format_html_join(
            "", "<code>{{% for item in {} %}} {} {{% endfor %}}</code><br>",
            ((name, " ".join(f"{{{{ item.{column} }}}}" for column in columns)) for name, columns in LISTS.items()),
        )  # fmt: skip
        return format_html("{}{}", loops, fields)

    @display(description=_("state"), label=COLOURS, ordering="state")
    def coloured_state(self, template: DocumentTemplate) -> tuple[str, str]:
        return template.state, str(TemplateState(template.state).label)


@admin.register(IssuedDocument)
class IssuedDocumentAdmin(NamesPeople, ReadOnlyAdmin):
    """Issued papers with their hashes; their words are read by the API alone, which leaves a trace."""

    people: ClassVar = {"customer": "order__customer_id"}
    fields = ["number", "title", "kind", "language", "order", "template", "sha256", "text_sha256", "issued_at"]
    list_display = ["number", "title", "order", "customer", "language", "issued_at"]
    list_filter = ["kind", "language", "issued_at"]
    list_select_related = ["order"]
    search_fields = ["number__startswith", "order__number__startswith"]
    ordering = ["-issued_at", "-id"]

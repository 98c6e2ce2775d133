"""Manager screen of enquiries: taken down by phone or at the door, given to somebody, answered, moved on."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.public import list_colleagues
from clients import services
from clients.models import Lead, LeadSource, LeadStage
from clients.services.leads import Alike
from core.errors import DomainError
from core.ids import find_uuid
from core.screens.base import asking
from core.screens.forms import Screen, ScreenForm, blame, show
from gateway.people.screens import NamesPeople

NEW = "new"
"""Answer to a list of those who are alike: it is none of them."""
AT_THE_DESK = (LeadSource.PHONE, LeadSource.WALK_IN, LeadSource.EMAIL, LeadSource.PARTNER, LeadSource.OTHER)


def list_owners() -> list[tuple[str, Any]]:
    """List those who may look after an enquiry, by name."""
    people = [(str(one.id), one.full_name or one.email) for one in list_colleagues()]
    return [("", gettext_lazy("nobody yet")), *people]


class LeadForm(ScreenForm):
    """An enquiry as it is told at the desk."""

    name = forms.CharField(label=gettext_lazy("name"), max_length=255)
    phone = forms.CharField(label=gettext_lazy("phone"), max_length=32, required=False)
    email = forms.EmailField(label=gettext_lazy("e-mail"), required=False)
    source = forms.ChoiceField(
        label=gettext_lazy("source"), choices=[(source.value, source.label) for source in AT_THE_DESK]
    )
    note = forms.CharField(
        label=gettext_lazy("what they want"), max_length=10_000, required=False, widget=forms.Textarea
    )
    owner_id = forms.ChoiceField(label=gettext_lazy("assigned to"), choices=list_owners, required=False)
    next_action = forms.CharField(label=gettext_lazy("next action"), max_length=255, required=False)
    next_action_at = forms.DateTimeField(label=gettext_lazy("next action at"), required=False)

    def clean_owner_id(self) -> UUID | None:
        """Turn what was chosen into an id."""
        return find_uuid(self.cleaned_data["owner_id"])


class OwnerForm(BaseDialogForm):
    """Colleague who looks after it."""

    owner_id = forms.ChoiceField(
        label=gettext_lazy("assigned to"), choices=list_owners, required=False, widget=UnfoldAdminSelectWidget
    )


class StageForm(BaseDialogForm):
    """Stage that it goes to next, and why it is lost."""

    stage = forms.ChoiceField(
        label=gettext_lazy("stage"),
        choices=[(one.value, one.label) for one in LeadStage if one != LeadStage.NEW],
        widget=UnfoldAdminSelectWidget,
    )
    lost_reason = forms.CharField(
        label=gettext_lazy("reason of the loss"),
        max_length=255,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


def _assign(lead_id: UUID, actor_id: UUID, said: dict[str, Any]) -> object:
    owner_id = find_uuid(said["owner_id"])
    return services.update_lead(lead_id=lead_id, changes={"owner_id": owner_id}, now=timezone.now())


def _move(lead_id: UUID, actor_id: UUID, said: dict[str, Any]) -> object:
    return services.move_lead(lead_id=lead_id, stage=said["stage"], lost_reason=said["lost_reason"], now=timezone.now())


def _reply(lead_id: UUID, actor_id: UUID, said: dict[str, Any]) -> object:
    return services.reply_to_lead(lead_id=lead_id, actor_id=actor_id, now=timezone.now())


@admin.register(Lead)
class LeadAdmin(NamesPeople, Screen):
    """The pipeline: what is overdue, then what is due next, comes first."""

    people: ClassVar = {"owner": "owner_id"}
    fields = [
        "name", "phone", "email", "client", "source", "note", "stage", "owner", "next_action", "next_action_at",
        "reply_due_at", "first_replied_at", "lost_reason", "created_at", "updated_at",
    ]  # fmt: skip
    list_display = ["name", "phone", "email", "stage", "overdue", "due_at", "next_action", "owner", "created_at"]
    list_filter = ["stage", "source", "created_at"]
    list_select_related = ["client"]
    search_fields = ["name", "phone", "email"]
    ordering = [F("due_at").asc(nulls_last=True), "-id"]
    actions = ["reply"]
    actions_detail = ["answer", "assign", "move_on"]
    answer = asking(
        "answer", gettext_lazy("It was answered"), BaseDialogForm, _reply,
        question=gettext_lazy("The clock of the first reply stops."),
    )  # fmt: skip
    assign = asking("assign", gettext_lazy("Assign"), OwnerForm, _assign)
    move_on = asking(
        "move_on", gettext_lazy("Next stage"), StageForm, _move,
        question=gettext_lazy("A won enquiry becomes a client; a lost one needs the reason."),
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_answer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff may, while it is open."""
        return self._is_in(request, object_id, (LeadStage.NEW, LeadStage.CONTACTED, LeadStage.QUALIFIED))

    has_assign_permission = has_answer_permission
    has_move_on_permission = has_answer_permission

    @admin.display(description=gettext_lazy("overdue"), boolean=True)
    def overdue(self, lead: Lead) -> bool:
        return lead.is_overdue(timezone.now())

    @admin.action(description=gettext_lazy("These were answered"))
    def reply(self, request: HttpRequest, queryset: QuerySet[Lead]) -> None:
        for lead in queryset:
            try:
                services.reply_to_lead(lead_id=lead.pk, actor_id=cast(UUID, request.user.pk), now=timezone.now())
                self.message_user(request, str(lead), messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{lead}: {error.detail}", messages.ERROR)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take an enquiry down; where something has its phone or e-mail already, ask first whether it is that."""
        self.require(self.has_add_permission(request))
        mine = {"owner_id": str(request.user.pk), "source": LeadSource.PHONE.value}
        form = LeadForm(request.POST or None, initial=mine)
        alike = Alike([], [])
        if request.method == "POST" and form.is_valid():
            fields = cast(services.LeadFields, dict(form.cleaned_data))
            answer = request.POST.get("who", "")
            try:
                alike = services.find_alike(phone=fields["phone"], email=fields["email"])
                if answer or not alike:
                    return self._open(request, fields, answer)
            except DomainError as error:
                blame(form, error)
        context = {"title": _("New enquiry"), "form": form, "alike": alike, "new": NEW}
        return show(self, request, "clients/lead", context, status=400 if form.errors else 200)

    def _open(self, request: HttpRequest, fields: services.LeadFields, answer: str) -> HttpResponse:
        lead = services.open_lead(fields={**fields, "client_id": find_uuid(answer)}, now=timezone.now())
        self.message_user(request, _("%(name)s: the enquiry is taken down.") % {"name": lead.name}, messages.SUCCESS)
        return self.to(lead.pk)

    def _is_in(self, request: HttpRequest, object_id: Any, stages: tuple[LeadStage, ...]) -> bool:
        if not self.has_view_permission(request):
            return False
        return object_id is None or Lead.objects.filter(pk=object_id, stage__in=stages).exists()

"""The second person's desk: what managers would lend against the rules, to confirm or reject."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core.screens.base import asking, asking_why
from core.screens.labels import display
from financing import services
from financing.admin.looking import DeskAdmin
from financing.models import Override, OverrideStatus
from gateway.people.screens import NamesPeople


class NoteForm(BaseDialogForm):
    """A word to go with it, if there is one."""

    note = forms.CharField(
        label=_("note"), max_length=1000, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


@admin.register(Override)
class OverrideAdmin(NamesPeople, DeskAdmin):
    """Loans that managers would give against the rules; another one than the proposer confirms or rejects."""

    people: ClassVar = {"customer": "application__customer_id"}
    list_display = [
        "proposed_at", "customer", "application", "amount", "annual_rate", "term_months", "coloured_status", "reason",
    ]  # fmt: skip
    list_filter = ["status", "proposed_at"]
    list_select_related = ["application"]
    search_fields = ["=id", "=application__id", "=application__order_id"]
    ordering = ["-proposed_at", "-id"]
    actions_detail = ["confirm", "turn_down"]
    confirm = asking(
        "confirm", _("Confirm"), NoteForm,
        lambda override_id, manager_id, said: services.confirm_override(
            override_id=override_id, manager_id=manager_id, note=said["note"], now=timezone.now()
        ),
        question=_("The application is approved on these terms."), variant=ActionVariant.SUCCESS,
    )  # fmt: skip
    turn_down = asking_why(
        "turn_down", _("Reject"),
        lambda override_id, manager_id, reason: services.reject_override(
            override_id=override_id, manager_id=manager_id, reason=reason, now=timezone.now()
        ),
        question=_("The refusal of the application stands."), variant=ActionVariant.DANGER,
    )  # fmt: skip

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers, where a second person is waited for; that it is another one is for the service to say."""
        if not self.is_manager(request):
            return False
        override = self.looked_at(request, object_id) if object_id else None
        return override is None or getattr(override, "status", "") == OverrideStatus.PROPOSED

    has_turn_down_permission = has_confirm_permission

    @display(
        description=_("status"),
        label={
            OverrideStatus.PROPOSED: "warning",
            OverrideStatus.CONFIRMED: "success",
            OverrideStatus.REJECTED: "danger",
        },
        ordering="status",
    )
    def coloured_status(self, override: Override) -> tuple[str, str]:
        return override.status, override.get_status_display()

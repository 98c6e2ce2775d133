"""Papers of applications, for a manager to look at."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from core.errors import NotFound
from core.screens.base import asking, asking_why
from financing import queries, services
from financing.admin.looking import DeskAdmin
from financing.models import ApplicationDocument
from gateway.access.readings import Papers, hand_over
from gateway.people.screens import NamesPeople


def _review(is_accepted: bool, paper_id: UUID, manager_id: UUID, note: str) -> object:
    application_id = ApplicationDocument.objects.values_list("application_id", flat=True).get(pk=paper_id)
    return services.review_document(
        application_id=application_id,
        document_id=paper_id,
        is_accepted=is_accepted,
        manager_id=manager_id,
        note=note,
        now=timezone.now(),
    )


@admin.register(ApplicationDocument)
class ApplicationDocumentAdmin(NamesPeople, DeskAdmin):
    """Papers to look at."""

    people: ClassVar = {"customer": "application__customer_id"}
    list_display = ["created_at", "customer", "kind", "name", "size", "status", "reviewed_at"]
    list_filter = ["status", "kind", "created_at"]
    search_fields = ["=id", "=application__id", "=application__customer_id"]
    ordering = ["-created_at", "-id"]
    fields = [
        "application", "kind", "name", "content_type", "size", "status", "note", "uploaded_by", "created_at",
        "reviewed_by", "reviewed_at",
    ]  # fmt: skip
    actions_detail = ["download", "accept", "turn_down"]
    accept = asking(
        "accept", _("Accept"), BaseDialogForm,
        lambda paper_id, manager_id, said: _review(True, paper_id, manager_id, ""),
        question=_("With the last paper that is wanted an offer can be accepted."), variant=ActionVariant.SUCCESS,
    )  # fmt: skip
    turn_down = asking_why(
        "turn_down", _("Turn down"),
        lambda paper_id, manager_id, note: _review(False, paper_id, manager_id, note),
        question=_("What is wrong with it? The client reads this."), variant=ActionVariant.DANGER,
    )  # fmt: skip

    @action(description=_("Download"), url_path="download", permissions=["accept"])
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file as it was uploaded; never shown inside a page of ours."""
        paper = ApplicationDocument.objects.select_related("application").filter(pk=object_id).first()
        if paper is None:
            raise Http404
        try:
            content = queries.read_document(paper)
        except NotFound as error:
            raise Http404 from error
        return hand_over(
            request,
            Papers("financing", "application_paper", paper.pk, paper.application.customer_id),
            content,
            paper.content_type,
            {"Content-Disposition": f'attachment; filename="{paper.pk}"', "X-Content-Type-Options": "nosniff"},
        )

    def has_accept_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.is_manager(request)

    has_turn_down_permission = has_accept_permission

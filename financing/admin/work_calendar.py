"""The calendar of working days: rows by decree, and the button that lets signed loans follow one."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from core.screens.base import asking
from financing import queries, services
from financing.admin.looking import DeskAdmin
from financing.models import WorkCalendarYear


def _follow(row_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    year = WorkCalendarYear.objects.values_list("year", flat=True).get(pk=row_id)
    return services.follow_calendar(year=year, actor_id=manager_id, now=timezone.now())


@admin.register(WorkCalendarYear)
class WorkCalendarYearAdmin(DeskAdmin):
    """Years without a row follow the law alone; `import_work_calendar` enters rows."""

    list_display: ClassVar = ["year", "source", "created_at", "followed_at", "withdrawn_at"]
    list_filter: ClassVar = [
        ("followed_at", admin.EmptyFieldListFilter),
        ("withdrawn_at", admin.EmptyFieldListFilter),
    ]
    search_fields: ClassVar = ["source"]
    ordering: ClassVar = ["-year", "-id"]
    actions_detail: ClassVar = ["moved_payments", "follow"]
    follow = asking(
        "follow", _("Move payments of signed loans"), BaseDialogForm, _follow, variant=ActionVariant.WARNING,
        question=_(
            "Payments that are not yet due move off the days off of this year tonight, and borrowers are told. Look at "
            "what would change first."
        ),
    )  # fmt: skip

    @action(description=_("What would change"), url_path="moved-payments", permissions=["view"])
    def moved_payments(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The payments of signed loans that this year moves; nothing is written."""
        row = WorkCalendarYear.objects.get(pk=object_id)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Payments that %(year)s moves") % {"year": row.year},
            "opts": self.model._meta,
            "row": row,
            "preview": queries.preview_redating(row.year, now=timezone.now()),
        }
        return TemplateResponse(request, "admin/financing/redating.html", context).render()

    def has_follow_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers, for a row in force that signed loans do not follow yet."""
        if not self.is_manager(request):
            return False
        row: Any = self.looked_at(request, object_id) if object_id else None
        return row is None or (row.withdrawn_at is None and row.followed_at is None)

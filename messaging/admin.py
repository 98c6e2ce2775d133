"""Parked deliveries of every database on one screen: why they stopped, and what to do about it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.screens.base import ReadOnlyAdmin
from messaging.delivery import parked
from messaging.models import InboxEvent


@admin.register(InboxEvent)
class ParkedDeliveryAdmin(ReadOnlyAdmin):
    """Lists what used up its retries, grouped by handler and error; each group can be retried or discarded."""

    exports_rows = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the groups; a POST acts on one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._act(request)
        aliases = parked.served()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Parked deliveries"),
            "opts": self.model._meta,
            "groups": parked.groups(aliases),
        }
        return TemplateResponse(request, "admin/parked_deliveries.html", context)

    def _act(self, request: HttpRequest) -> HttpResponse:
        alias, handler = request.POST.get("alias", ""), request.POST.get("handler", "")
        error, action = request.POST.get("error", ""), request.POST.get("action")
        if alias in parked.served() and action in ("retry", "discard"):
            found = parked.rows(alias, handler=handler, event_type=request.POST.get("type", ""))
            chosen = [row.rn for row in found if parked.last_line(row.last_error) == error]
            act = parked.retry if action == "retry" else parked.discard
            count = act(alias, chosen, now=timezone.now())
            text = ngettext("%(count)d delivery moved", "%(count)d deliveries moved", count) % {"count": count}
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(request.path)

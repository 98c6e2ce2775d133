"""The ground of screens that change the catalogue."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from core.errors import DomainError
from core.screens.base import BusinessAdmin, level


class ServiceAdmin(BusinessAdmin):
    """Saves and deletes through services; a refusal of the business is shown, not raised."""

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.detail, level(error))
            return HttpResponseRedirect("../change/")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            try:
                self.delete_model(request, row)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", level(error))

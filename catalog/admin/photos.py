"""Manager screen of photos from elsewhere: what waits, what came, and what cannot be had."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog import services
from catalog.models import OutsidePhoto, PhotoState
from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin
from core.screens.confirming import at_once
from core.screens.labels import display


@admin.register(OutsidePhoto)
class OutsidePhotoAdmin(ReadOnlyAdmin):
    """Photos that price lists name by their address, the latest first."""

    list_display = ["asked_at", "product", "host", "coloured_state", "attempts", "next_at", "error", "address"]
    list_filter = ["state"]
    list_select_related = ["product"]
    search_fields = ["product__sku__exact", "host__exact"]
    search_help_text = _("SKU or host")
    ordering = ["-id"]
    actions = ["fetch_again"]

    @display(
        description=_("state"),
        label={
            PhotoState.WAITING: "info",
            PhotoState.FETCHED: "success",
            PhotoState.REFUSED: "warning",
            PhotoState.PARKED: "danger",
        },
    )
    def coloured_state(self, photo: OutsidePhoto) -> tuple[str, str]:
        return photo.state, str(PhotoState(photo.state).label)

    @at_once
    @admin.action(description=_("Fetch again"), permissions=["fetch"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet[OutsidePhoto]) -> None:
        for photo in queryset:
            try:
                services.fetch_again(photo_id=photo.pk, now=timezone.now())
                self.message_user(request, f"{photo}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{photo}: {error.detail}", messages.ERROR)

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        """Whoever may change products."""
        return bool(request.user.has_perm("catalog.change_product"))

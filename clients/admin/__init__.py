"""Manager screens of clients: cards are written by services, the timeline is only looked at."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from clients import services
from clients.admin import leads, lists
from clients.admin.card import read_card
from clients.models import (
    Activity,
    Client,
    Consent,
    ConsentProof,
    Contact,
    Duplicate,
    KeyKind,
    Merge,
    Vehicle,
)
from core.errors import DomainError
from core.screens.base import BusinessAdmin, ReadOnlyAdmin
from gateway.people.screens import NamesPeople

__all__ = ["leads", "lists"]


class _LookedAtInline(TabularInline):
    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ContactInline(_LookedAtInline):
    """Ways to reach the client."""

    model = Contact
    fields = ["kind", "value", "name", "position", "created_at"]
    ordering = ["created_at", "id"]


class ConsentInline(_LookedAtInline):
    """Consents that the client gave and withdrew."""

    model = Consent
    fields = ["kind", "is_given", "source", "note", "at"]
    ordering = ["-at", "-id"]


@admin.register(ConsentProof)
class ConsentProofAdmin(ReadOnlyAdmin):
    """Agreements to the texts of the shop's forms, newest first."""

    list_display = ["at", "door", "text_version", "language", "address", "user_id", "lead"]
    personal_columns = frozenset({"lead"})
    list_select_related = ["lead"]
    list_filter = ["door"]
    ordering = ["-at", "-id"]


@admin.register(Client)
class ClientAdmin(BusinessAdmin):
    """Client cards, newest first."""

    exports_rows = False  # lists of clients go out by their own page, which keeps who took which

    fields = [
        "type", "name", "industry", "description", "email", "phone", "inn", "kpp", "ogrn", "address",
        "preferred_channel", "preferred_language", "created_at", "updated_at",
    ]  # fmt: skip
    readonly_fields = ["created_at", "updated_at"]
    list_display = ["name", "type", "email", "phone", "inn", "created_at"]
    list_filter = ["type", "created_at"]
    search_fields = ["name", "email", "phone", "inn__exact"]
    ordering = ["-created_at", "-id"]
    inlines = [ContactInline, ConsentInline]
    actions = ["hide"]
    change_form_before_template = "admin/clients/card.html"

    def get_urls(self) -> list[URLPattern]:
        found = self.admin_site.admin_view(self.person_view)
        return [path("person/<uuid:person_id>/", found, name="clients_client_person"), *super().get_urls()]

    def person_view(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """Go to the card of whom other apps call by this id: an account or a card, whichever it was merged into."""
        known = Client.objects.of_customer(person_id).order_by("pk").first()
        if known is None or not self.has_view_permission(request):
            raise Http404
        return redirect("admin:clients_client_change", known.root_id)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        client = self.get_object(request, object_id)
        shown = read_card(request, client) if client is not None and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        return Client.objects.present()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Delete clients without deals"), permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        for client in queryset:
            try:
                services.delete_client(client_id=client.pk, now=timezone.now())
                self.message_user(request, f"{client}: {_('deleted')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{client}: {error.detail}", messages.ERROR)

    def save_model(self, request: HttpRequest, obj: Client, form: forms.ModelForm, change: bool) -> None:
        fields = cast(services.ClientFields, form.cleaned_data)
        if change:
            services.update_client(client_id=obj.pk, changes=fields, now=timezone.now())
        else:
            obj.__dict__.update(services.open_client(fields=fields, now=timezone.now()).__dict__)


@admin.register(Activity)
class ActivityAdmin(NamesPeople, ReadOnlyAdmin):
    """Activity of all clients, newest first."""

    people: ClassVar = {"customer": "customer_id", "author": "author_id"}
    list_display = ["occurred_at", "kind", "customer", "description", "author"]
    list_filter = ["kind"]
    search_fields = ["customer_id__exact"]
    ordering = ["-occurred_at", "-id"]


@admin.register(Vehicle)
class VehicleAdmin(NamesPeople, ReadOnlyAdmin):
    """Cars of all clients."""

    people: ClassVar = {"customer": "customer_id"}
    list_display = ["vin", "name", "plate", "source", "customer", "since", "left_at"]
    list_filter = ["source"]
    search_fields = ["vin__exact", "customer_id__exact"]
    ordering = ["-since", "-id"]


@admin.register(Duplicate)
class DuplicateAdmin(ReadOnlyAdmin):
    """Pairs of cards that seem to be one client: the merge screen."""

    list_display = ["first", "first_reach", "second", "second_reach", "shared", "found_at"]
    personal_columns = frozenset({"first", "first_reach", "second", "second_reach"})
    list_select_related = ["first", "second"]
    list_display_links = None
    ordering = ["-found_at", "-id"]
    actions = ["merge", "dismiss"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Duplicate]:
        return Duplicate.objects.filter(dismissed_at__isnull=True)

    @admin.display(description=_("in common"))
    def shared(self, pair: Duplicate) -> str:
        return ", ".join(str(KeyKind(kind).label) for kind in pair.reasons)

    @admin.display(description=_("reached by"))
    def first_reach(self, pair: Duplicate) -> str:
        return _reach(pair.first)

    @admin.display(description=_("reached by"))
    def second_reach(self, pair: Duplicate) -> str:
        return _reach(pair.second)

    @admin.action(description=_("Merge the second card into the first"))
    def merge(self, request: HttpRequest, queryset: QuerySet[Duplicate]) -> None:
        for pair in queryset:
            try:
                _merge(pair, request)
                self.message_user(request, str(pair), messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{pair}: {error.detail}", messages.ERROR)

    @admin.action(description=_("These are different clients"))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Duplicate]) -> None:
        for pair in queryset:
            services.dismiss_duplicate(duplicate_id=pair.id, actor_id=_actor(request), now=timezone.now())
            self.message_user(request, str(pair), messages.SUCCESS)


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    """Merges, newest first, and the way back."""

    list_display = ["merged_at", "kept", "other", "undone_at"]
    personal_columns = frozenset({"kept", "other"})
    list_select_related = ["kept", "other"]
    ordering = ["-merged_at", "-id"]
    actions = ["undo"]

    @admin.action(description=_("Undo the merge"))
    def undo(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        for merge in queryset:
            try:
                services.undo_merge(merge_id=merge.id, actor_id=_actor(request), now=timezone.now())
                self.message_user(request, str(merge), messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{merge}: {error.detail}", messages.ERROR)


def _actor(request: HttpRequest) -> UUID:
    return cast(UUID, request.user.pk)


def _reach(client: Client) -> str:
    return ", ".join(filter(None, [client.phone, client.email, client.inn]))


def _merge(pair: Duplicate, request: HttpRequest) -> None:
    services.merge_clients(
        client_id=pair.first_id, other_id=pair.second_id, actor_id=_actor(request), now=timezone.now()
    )

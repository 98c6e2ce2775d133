"""Manager screens of clients: cards are written by services, the timeline is only looked at."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from clients import services
from clients.models import Activity, Client, Contact
from core.admin import BusinessAdmin, ReadOnlyAdmin
from core.errors import DomainError


class ContactInline(TabularInline):
    """Ways to reach the client."""

    model = Contact
    fields = ["kind", "value", "name", "position", "created_at"]
    ordering = ["created_at", "id"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Client)
class ClientAdmin(BusinessAdmin):
    """Client cards, newest first."""

    fields = ["type", "name", "industry", "description", "email", "phone", "user_id", "created_at", "updated_at"]
    readonly_fields = ["user_id", "created_at", "updated_at"]
    list_display = ["name", "type", "email", "phone", "created_at"]
    list_filter = ["type", "created_at"]
    search_fields = ["name", "email", "phone"]
    ordering = ["-created_at", "-id"]
    inlines = [ContactInline]
    actions = ["hide"]

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
class ActivityAdmin(ReadOnlyAdmin):
    """What happened with all clients, newest first."""

    list_display = ["occurred_at", "kind", "customer_id", "description", "author_id"]
    list_filter = ["kind"]
    search_fields = ["customer_id__exact"]
    ordering = ["-occurred_at", "-id"]

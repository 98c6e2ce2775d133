"""Screens of saved views: kept from any list of the admin, shown above it, renamed and deleted by who made them."""

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from accounts import services
from accounts.models import SavedView, User
from accounts.rules.list_queries import normalise_query
from core.errors import DomainError, UnfitListQuery
from core.screens.above import above_lists
from core.screens.base import BusinessAdmin
from core.screens.forms import Screen, ScreenForm, blame, show
from core.screens.labels import display
from core.screens.lists import find_screen, open_list

MOST_SHOWN = 60
"""Views above a list: one's own come first, and are fewer."""


class KeepForm(ScreenForm):
    """Name of a view, and who sees it; the list and its choices come from the list itself."""

    name = forms.CharField(label=gettext_lazy("name"), max_length=services.LONGEST_NAME)
    is_shared = forms.BooleanField(label=gettext_lazy("shared with colleagues"), required=False)
    listing = forms.CharField(widget=forms.HiddenInput, max_length=100)
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=2_000)


class NameForm(forms.ModelForm):
    """Name of a view, and who sees it."""

    class Meta:
        model = SavedView
        fields = ("name", "is_shared")


def get_list_address(listing: str, query: str) -> str:
    """Return the address of a list of this house with its choices."""
    return f"{reverse('admin:{}_{}_changelist'.format(*listing.split('.')))}?{query}"


@above_lists
def describe_views(request: HttpRequest, screen: ModelAdmin) -> dict[str, Any]:
    """Return the views of a list that somebody may open, and the way to save what they look at now."""
    listing, user = screen.opts.label_lower, cast(User, request.user)
    try:
        present = normalise_query(request.GET.urlencode())
    except UnfitListQuery:
        present = ""
    own = ExpressionWrapper(Q(user=user), output_field=BooleanField())
    seen = SavedView.objects.filter(listing=listing).seen_by(user).select_related("user").annotate(is_own=own)
    views = [
        {
            "name": view.name,
            "address": get_list_address(listing, view.query),
            "is_present": view.query == present,
            "author": "" if view.user_id == user.pk else str(view.user),
        }
        for view in seen.order_by("-is_own", "name", "id")[:MOST_SHOWN]
    ]
    keep = reverse("admin:accounts_savedview_add")
    return {
        "saved_views": views,
        "saved_views_page": f"{reverse('admin:accounts_savedview_changelist')}?{urlencode({'listing': listing})}",
        "save_view_page": f"{keep}?{urlencode({'listing': listing, 'query': present})}" if present else "",
    }


@admin.register(SavedView)
class SavedViewAdmin(Screen):
    """Own and shared views of the lists that somebody may open; only own ones are changed."""

    form = NameForm
    personal_columns = frozenset({"user"})
    list_display = ["name", "shown_list", "user", "is_shared", "way"]
    list_filter = ["is_shared"]
    search_fields = ["name"]
    ordering = ["listing", "name", "id"]
    list_select_related = ["user"]
    fields = ["name", "is_shared", "shown_list", "user", "way"]
    readonly_fields = ["shown_list", "user", "way"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether somebody works here; what is whose decides the list."""
        user = cast(User, request.user)
        return user.is_active and user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request) and (obj is None or obj.user_id == request.user.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer none: views are deleted one by one on their own pages."""
        return {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Own and shared ones, of lists that somebody may open."""
        open_lists = [
            model._meta.label_lower
            for model, screen in self.admin_site._registry.items()
            if screen.has_view_permission(request)
        ]
        seen = SavedView.objects.seen_by(cast(User, request.user)).filter(listing__in=open_lists)
        return seen.order_by(*self.ordering)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let lists lead to their own views."""
        return lookup == "listing" or super().lookup_allowed(lookup, value, request)

    @display(description=gettext_lazy("which list"), ordering="listing")
    def shown_list(self, view: SavedView) -> str:
        return str(apps.get_model(view.listing)._meta.verbose_name_plural)

    @display(description=gettext_lazy("where it leads"))
    def way(self, view: SavedView) -> SafeString:
        return format_html('<a href="{}">{}</a>', get_list_address(view.listing, view.query), _("Open the list"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for a name, and keep what a list was asked for under it."""
        self.require(self.has_add_permission(request))
        given = request.POST if request.method == "POST" else request.GET
        if "listing" not in given:
            return self._show_form(request, None)
        screen = find_screen(request, given["listing"])
        if request.method != "POST":
            return self._show_form(request, KeepForm(initial=given.dict()), screen)
        form = KeepForm(given)
        kept = self._save_view(request, screen, form) if form.is_valid() else None
        if kept is None:
            return self._show_form(request, form, screen)
        self.message_user(request, _("The view “%(name)s” is saved.") % {"name": kept.name}, messages.SUCCESS)
        return HttpResponseRedirect(get_list_address(kept.listing, kept.query))

    def save_model(self, request: HttpRequest, obj: SavedView, form: forms.ModelForm, change: bool) -> None:
        user_id = cast(UUID, request.user.pk)
        services.change_view(user_id=user_id, view_id=obj.pk, now=timezone.now(), **form.cleaned_data)

    def delete_model(self, request: HttpRequest, obj: SavedView) -> None:
        services.delete_view(user_id=cast(UUID, request.user.pk), view_id=obj.pk)

    def _save_view(self, request: HttpRequest, screen: BusinessAdmin, form: KeepForm) -> SavedView | None:
        wanted = form.cleaned_data | {"listing": screen.opts.label_lower}
        try:
            open_list(request, screen, normalise_query(wanted["query"]))
            return services.save_view(user_id=cast(UUID, request.user.pk), now=timezone.now(), **wanted)
        except DomainError as error:
            if isinstance(error, UnfitListQuery):
                form.add_error(None, str(error.errors[0]["detail"]))
            else:
                blame(form, error)
            return None

    def _show_form(
        self, request: HttpRequest, form: KeepForm | None, screen: BusinessAdmin | None = None
    ) -> HttpResponse:
        intro = _("Choose filters, a search or an order on a list, then save them from there.")
        if screen is not None:
            named = {"list": screen.opts.verbose_name_plural}
            intro = _("Keeps the present filters, search and order of the list “%(list)s”.") % named
        context = {"title": _("Save this view"), "form": form, "label": _("Save"), "intro": intro}
        return show(self, request, "screens/form", context, status=400 if form and form.errors else 200)

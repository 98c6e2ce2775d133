"""Serve what a client keeps: favourites and saved searches."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog import public, services
from catalog.public import kept
from core.errors import DomainError, NotFound
from storefront import wanted
from storefront.forms.searching import SaveSearchForm
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.cards import card_context
from storefront.shown.searches import described
from storefront.visitor import count, next_url, user_id

PAGE_SIZE = 24


@never_cache
@require_safe
@login_required
def favourites(request: HttpRequest) -> HttpResponse:
    """One's favourites, the latest first."""
    cursor = request.GET.get("cursor", "")
    found = kept.favourites(user_id(request), after=cursor, limit=PAGE_SIZE)
    context = {"cars": found.items, "next": found.next, "is_later": bool(cursor), "no_filters": {}}
    return render(request, "storefront/favourites.html", context | card_context(request, found.items))


@page
@require_POST
def add_favourite(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Keep an eye on a car; a guest signs in first."""
    if not request.user.is_authenticated:
        wanted.remember(request, product_id)
        return redirect_to_login(next_url(request, resolve_url("storefront:vehicle", product_id)))
    try:
        count(request, "default")
        services.add_favourite(user_id=user_id(request), product_id=product_id, now=timezone.now())
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.KEPT_REFUSALS.get(error.code) or wording.refusal(error.code))
    return redirect(next_url(request, "storefront:favourites"))


@page
@require_POST
def remove_favourite(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Take a car off one's favourites; one that is not there is off already."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:favourites"))
    try:
        count(request, "default")
        services.remove_favourite(user_id=user_id(request), product_id=product_id)
    except NotFound:
        pass
    except DomainError as error:
        messages.error(request, wording.refusal(error.code))
    return redirect(next_url(request, "storefront:favourites"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def saved_searches(request: HttpRequest) -> HttpResponse:
    """One's saved searches; a POST keeps one more."""
    if request.method != "POST":
        return _searches_page(request, None)
    form = SaveSearchForm(request.POST)
    if not form.is_valid():
        return _searches_page(request, form, status=400)
    try:
        count(request, "default")
        services.save_search(
            user_id=user_id(request), name=form.cleaned_data["name"], query=form.query(), now=timezone.now()
        )
    except DomainError as error:
        form.add_error(None, str(wording.KEPT_REFUSALS.get(error.code) or wording.refusal(error.code)))
        return _searches_page(request, form, status=error.status)
    messages.success(request, _("The search is saved. We will tell you of new cars."))
    return redirect("storefront:saved-searches")


@page
@never_cache
@require_safe
@login_required
def saved_search(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """Show what a saved search finds now; nothing of it is new after it was looked at."""
    saved = kept.saved_search(user_id(request), search_id)
    if saved is None:
        raise NotFound
    cursor = request.GET.get("cursor", "")
    found = public.search_products(saved.search, ordering="newest", after=cursor, limit=PAGE_SIZE)
    if request.method == "GET" and saved.new_count:
        services.look_at_search(user_id=user_id(request), search_id=search_id)
    context = {
        "saved": saved,
        "words": described(saved.query),
        "cars": found.items,
        "next": found.next,
        "is_later": bool(cursor),
        "no_filters": {},
    }
    return render(request, "storefront/saved_search.html", context | card_context(request, found.items))


@page
@require_POST
@login_required
def delete_search(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """Forget a search of one's own."""
    services.delete_search(user_id=user_id(request), search_id=search_id)
    messages.success(request, _("The search is deleted."))
    return redirect("storefront:saved-searches")


def _searches_page(request: HttpRequest, form: Any, status: int = 200) -> HttpResponse:
    rows = [(saved, described(saved.query)) for saved in kept.saved_searches(user_id(request))]
    return render(request, "storefront/saved_searches.html", {"rows": rows, "form": form}, status=status)

"""Cars side by side: chosen by buttons, kept in a cookie, or named by a link that can be passed on."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from catalog import public
from catalog.public.pictures import covers
from core.errors import NotFound
from storefront.pages import page
from storefront.shown.cards import compared, read_ids, remember_compared
from storefront.shown.comparison import shown_rows
from storefront.visitor import next_url


@never_cache
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Show what the link names, else what the visitor has chosen; what is not on sale any more is left out."""
    try:
        ids = read_ids(request.GET["ids"], ",") if "ids" in request.GET else compared(request)
    except ValueError:
        refusal = _("This link does not name up to %(most)s cars.") % {"most": public.MOST_COMPARED}
        return render(request, "storefront/compare.html", {"refusal": refusal}, status=400)
    there = [one for one in ids if public.get_product(one)]
    found = public.compare_products(there) if there else None
    context = {
        "found": found,
        "rows": shown_rows(found) if found else [],
        "covers": covers(there),
        "gone": len(ids) - len(there),
        "is_own": "ids" not in request.GET,
        "link": f"?ids={','.join(str(one) for one in there)}",
    }
    return render(request, "storefront/compare.html", context)


@page
@require_POST
def add_to_comparison(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Put a car beside the others."""
    if public.get_product(product_id) is None:
        raise NotFound
    ids = list(dict.fromkeys([*compared(request), product_id]))
    response = redirect(next_url(request, "storefront:compare"))
    if len(ids) > public.MOST_COMPARED:
        messages.error(request, _("Four cars fit side by side: take one off first."))
        return response
    return remember_compared(response, ids)


@require_POST
def take_off_comparison(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Take a car off; one that is not there is off already."""
    ids = [one for one in compared(request) if one != product_id]
    return remember_compared(redirect(next_url(request, "storefront:compare")), ids)

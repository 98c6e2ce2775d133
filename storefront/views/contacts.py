"""Lead people to the seller: contacts, a call back, a question about a car, and what becomes of people's data."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from catalog.public import ProductView, get_product
from clients.models import LeadSource
from clients.services import open_lead, record_lead_consent
from core.errors import DomainError, NotFound
from gateway.guards.address import exact_address
from payments.queries.sellers import find_default_seller
from storefront.consents import TEXT_VERSION, shown_language
from storefront.forms.refusals import add_refusal
from storefront.forms.visitors import AskForm, new_key
from storefront.pages import page
from storefront.shown.place import draw_surroundings
from storefront.visitor import count, send_once, user_id


@require_safe
def contacts(request: HttpRequest) -> HttpResponse:
    """Telephone, hours, the way there, and whose shop it is."""
    context = {"sketch": draw_surroundings(), "seller": find_default_seller()}
    return render(request, "storefront/contacts.html", context)


@require_safe
def personal_data(request: HttpRequest) -> HttpResponse:
    """The text that people agree to, under its version."""
    context = {"version": TEXT_VERSION, "text": f"storefront/texts/personal_data.{shown_language()}.html"}
    return render(request, "storefront/personal_data.html", context)


@page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, product_id: UUID | None = None) -> HttpResponse:
    """Ask to be called back, about a car or anything else: a lead for whoever answers it."""
    car = _car(product_id)
    form = AskForm(request.POST) if request.method == "POST" else AskForm(initial=_known(request))
    if not form.is_bound:
        return _page(request, car, form)
    if not form.is_valid():
        return _page(request, car, form, status=400)
    try:
        count(request, "login")
        return send_once(request, "clients", "ask", lambda: _open(request, car, form))
    except DomainError as error:
        add_refusal(form, error)
        return _page(request, car, form, status=error.status)


def _open(request: HttpRequest, car: ProductView | None, form: AskForm) -> HttpResponse:
    """Keep the enquiry and the consent to keeping it; both or neither."""
    given, now = form.cleaned_data, timezone.now()
    about = [f"{car.name}, {car.year or ''} {car.sku}".strip()] if car else []
    lead = open_lead(
        fields={
            "name": given["name"],
            "phone": given["phone"],
            "source": LeadSource.WEBSITE,
            "note": "\n".join([*about, given["question"]]).strip(),
        },
        now=now,
    )
    record_lead_consent(
        lead_id=lead.id,
        user_id=user_id(request) if request.user.is_authenticated else None,
        text_version=TEXT_VERSION,
        language=shown_language(),
        address=exact_address(request.META),
        now=now,
    )
    messages.success(request, _("Thank you. We will call you back."))
    return redirect("storefront:vehicle", car.id) if car else redirect("storefront:contacts")


def _car(product_id: UUID | None) -> ProductView | None:
    if product_id is None:
        return None
    car = get_product(product_id)
    if car is None:
        raise NotFound
    return car


def _known(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    mine = {"name": user.full_name, "phone": user.phone} if user.is_authenticated else {}
    return {**mine, "key": new_key()}


def _page(request: HttpRequest, car: ProductView | None, form: AskForm, *, status: int = 200) -> HttpResponse:
    return render(request, "storefront/ask.html", {"form": form, "car": car}, status=status)

"""The shop window: the home page, the list with its filters, a vehicle's page, and buying it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog import public
from catalog.public import ProductSearch, ProductView
from catalog.public.attributes import attribute_names
from catalog.public.pictures import pictures
from core.clock import dealer_day
from core.errors import DomainError, InvalidInput, NotFound
from core.money import ZERO
from gateway.access.permissions import EmailNotVerified, require_verified_email
from messaging.upkeep.replicas import reading_from_replica
from orders.public import QueueView, queue_at
from orders.services import ProductLine, place_order
from storefront.facets import count_choices, drop_one
from storefront.forms.deals import DealForm
from storefront.forms.deposits import BuyForm, GoodsForm
from storefront.forms.searching import FilterForm, SaveSearchForm
from storefront.forms.visitors import new_key
from storefront.monthly import CURRENCY, cars_within
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.beside import mark_price, read_seen, read_similar, remember_seen
from storefront.shown.cards import card_context, compared
from storefront.shown.comparison import in_words
from storefront.shown.prices import ShownPrice, describe_offer
from storefront.shown.searches import described, phrase
from storefront.shown.terms import term
from storefront.shown.wording import Text
from storefront.templatetags.storefront import grouped, litres
from storefront.views.cart import accessories
from storefront.visitor import count, get_actor, get_principal, send_once, user_id

PAGE_SIZE = 24
log = structlog.get_logger(__name__)
LATEST = 8
POPULAR_MAKES = 16
BODIES = 8
BODY_PAINTS = ("blue", "silver", "red", "green", "orange", "black", "beige", "grey")


@reading_from_replica("catalog")
def _search(search: ProductSearch, ordering: str, after: str) -> public.ProductPage:
    return public.search_products(search, ordering=ordering, after=after, limit=PAGE_SIZE)


@reading_from_replica("catalog")
def _read_latest() -> list[ProductView]:
    return public.latest(LATEST + 1)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    found = count_choices(ProductSearch(kind="vehicle", in_stock=True)).groups
    latest = _read_latest()
    bodies = [
        {"value": value, "count": number, "paint": paint}
        for (value, number), paint in zip(found.get("body", [])[:BODIES], BODY_PAINTS, strict=False)
    ]
    seen = read_seen(request)
    context: dict[str, Any] = {
        "seen": seen,
        "featured": latest[0] if latest else None,
        "latest": latest[1:] or latest,
        **card_context(request, list({car.id: car for car in (*latest, *seen)}.values())),
        "makes": [{"value": value, "count": number} for value, number in found.get("make", [])[:POPULAR_MAKES]],
        "bodies": bodies,
        "no_filters": {},
    }
    return render(request, "storefront/home.html", context)


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    filters = {name: str(value) for name, value in request.GET.items() if value}
    cursor = filters.pop("cursor", "")
    form = FilterForm(request.GET)
    is_valid = form.is_valid()
    search = _wanted(form) if is_valid else ProductSearch(kind="vehicle", in_stock=True)
    is_valid = form.is_valid()
    counted = count_choices(search)
    for name in ("make", "model", "body", "fuel", "transmission", "drive", "color"):
        form.offer(name, counted.groups.get(name, []))
    found = _search(search, form.cleaned_data.get("ordering", ""), cursor)
    context = {
        "form": form,
        "filters": filters,
        "is_filtered": bool(filters),
        "counted": counted if is_valid else None,
        "chips": _chips(form, filters) if is_valid else [],
        "is_later": bool(cursor),
        "save_form": _save_form(form, filters, search) if filters and is_valid else None,
        **card_context(request, found.items if is_valid else []),
        "cars": found.items if is_valid else [],
        "next": found.next if is_valid else "",
    }
    return render(request, "storefront/catalogue.html", context, status=200 if is_valid else 400)


def _wanted(form: FilterForm) -> ProductSearch:
    """Return what a valid form looks for; a sum a month as the cars whose cards say no more than that."""
    search = form.search()
    if not form.is_by_month:
        return search
    try:
        bands = cars_within(form.cleaned_data["monthly_max"], now=timezone.now())
    except DatabaseError as error:
        log.warning("monthly_unknown", error=repr(error))
        form.add_error("monthly_max", _("Payments a month cannot be calculated just now. Please filter by price."))
        return search
    dearest = max((band.price_max for band in bands), default=ZERO)
    most = dearest if search.price_max is None else min(dearest, search.price_max)
    return replace(search, bands=tuple(bands), price_max=most, currency=CURRENCY)


def _save_form(form: FilterForm, filters: dict[str, str], search: ProductSearch) -> SaveSearchForm:
    """Return the form that keeps what was looked for: a sum a month by the price that it comes to today."""
    kept = filters | ({"price_max": str(search.price_max)} if form.is_by_month else {})
    return SaveSearchForm(initial={**kept, "name": _suggest_name(form)})


def _chips(form: FilterForm, filters: dict[str, str]) -> list[tuple[Text, dict[str, str]]]:
    """Return each filter that is on in words, and the address's filters without it."""
    asked = form.query() | ({"monthly_max": form.cleaned_data["monthly_max"]} if form.is_by_month else {})
    names = [name for name in filters if name in asked and name != "in_stock"]
    return [(phrase(name, asked[name]), rest) for name, rest in drop_one(filters, names)]


def _suggest_name(form: FilterForm) -> str:
    """Return what a search may be called, until its owner says otherwise."""
    return ", ".join(str(word) for word in described(form.query()))[:120]


@page
@require_safe
def vehicle(request: HttpRequest, product_id: UUID) -> HttpResponse:
    return _vehicle_page(request, _on_sale(product_id), GoodsForm())


@page
@require_POST
@login_required
def buy(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Order one car at the price the buyer saw; the form's key makes a second click lead to the same order."""
    car = _on_sale(product_id)
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _vehicle_page(request, car, form, refusal=form.refusal, status=400)
    try:
        count(request, "order_create")
        require_verified_email(get_principal(request))
        return send_once(request, "orders", "buy", lambda: _place(request, car, form))
    except EmailNotVerified:
        messages.error(request, _("Please confirm your e-mail first. Nothing was ordered."))
        return redirect("storefront:account")
    except DomainError as error:
        return _refused(request, _on_sale(product_id), form, error)


def _refused(request: HttpRequest, car: ProductView, form: BuyForm, error: DomainError) -> HttpResponse:
    """The car's page as it is now, saying why nothing was ordered.

    A car that is on sale here and unknown to orders is on its way there: an import may take them a while.
    """
    code = "product_not_ready" if _is_unknown(error) else error.code
    return _vehicle_page(request, car, form, refusal=wording.refusal(code), code=code, status=error.status)


def _place(request: HttpRequest, car: ProductView, form: BuyForm) -> HttpResponse:
    order = place_order(
        customer_id=user_id(request),
        actor=get_actor(request),
        lines=[ProductLine(car.id, 1)],
        **form.means(),
        expected_total=form.cleaned_data["expected_total"],
        now=timezone.now(),
    )
    return redirect("storefront:order", order.id)


def _is_unknown(error: DomainError) -> bool:
    return isinstance(error, InvalidInput) and any(item["code"] == "unknown_product" for item in error.errors)


def _on_sale(product_id: UUID) -> ProductView:
    car = public.get_product(product_id)
    if car is None:
        raise NotFound
    return car


def _vehicle_page(
    request: HttpRequest, car: ProductView, form: GoodsForm, *, refusal: Text = "", code: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    similar, seen = read_similar(car), read_seen(request, besides=car.id)
    cards = card_context(request, [car, *similar, *seen])
    shown = cards["prices"][car.id]
    queue = queue_at(car.id, user_id(request) if request.user.is_authenticated else None) if _may_queue(car) else None
    context: dict[str, Any] = {
        **cards,
        "car": car,
        "similar": similar,
        "seen": seen,
        "price_mark": mark_price(car, shown.now),
        "queue": queue,
        "can_buy": _can_buy(car, queue),
        "specs": list(_specs(car)),
        "facts": _facts(request, car, shown),
        "features": car.attributes.get("equipment") or [],
        "pictures": pictures(car.id),
        "is_favourite": car.id in cards["favourites"],
        "is_compared": car.id in compared(request),
        "drawing_label": format_lazy("{} {}, {}", car.make, car.model, term(car.color)) if car.make else car.name,
        "form": form,
        "key": new_key(),
        "refusal": refusal,
        "is_about_orders": code.startswith("idempotency"),
        "reservation_minutes": settings.RESERVATION_MINUTES,
        "no_filters": {},
        "loan": cards["monthly"].get(car.id),
        "shown": shown,
        "days_listed": (dealer_day(now) - dealer_day(car.created_at)).days,
        "deal_form": DealForm(car=car, accessories=accessories()) if car.kind == "vehicle" else None,
    }
    return remember_seen(request, render(request, "storefront/vehicle.html", context, status=status), car)


def _facts(request: HttpRequest, car: ProductView, shown: ShownPrice) -> dict[str, Any]:
    """Return what search engines may show of it, in schema.org's words."""
    places = {True: "https://schema.org/InStock", False: "https://schema.org/OutOfStock"}
    is_new = car.condition == "new"
    known = {
        "brand": {"@type": "Brand", "name": car.make} if car.make else None,
        "model": car.model,
        "vehicleModelDate": str(car.year or ""),
        "vehicleIdentificationNumber": car.vin,
        "mileageFromOdometer": {"@type": "QuantitativeValue", "value": car.mileage, "unitCode": "KMT"}
        if car.mileage is not None
        else None,
        "itemCondition": f"https://schema.org/{'New' if is_new else 'Used'}Condition" if car.condition else None,
    }
    return {
        "@context": "https://schema.org",
        "@type": "Car" if car.kind == "vehicle" else "Product",
        "name": car.name,
        "url": request.build_absolute_uri(request.path),
        "offers": {
            "@type": "Offer",
            "availability": places[car.available > 0],
            **describe_offer(car, shown),
        },
    } | {name: value for name, value in known.items() if value}


def _may_queue(car: ProductView) -> bool:
    """Tell whether a queue may stand behind a car: it is the last one, or somebody has it."""
    return car.kind == "vehicle" and car.available <= 1


def _can_buy(car: ProductView, queue: QueueView | None) -> bool:
    """Tell whether this visitor may order it now: it is free and nobody waits for it, or it is kept for them."""
    if queue is None or not queue.waiting:
        return car.available > 0
    return queue.own is not None and queue.own.state == "offered"


def _specs(car: ProductView) -> list[tuple[Text, Text]]:
    extra = car.attributes
    rows: list[tuple[Text, Any]] = [
        (_("Year"), car.year),
        (_("Mileage"), None if car.mileage is None else _("%(km)s km") % {"km": grouped(car.mileage)}),
        (_("Body"), term(car.body)),
        (_("Engine"), _engine(car)),
        (_("Fuel"), term(car.fuel)),
        (_("Gearbox"), term(car.transmission)),
        (_("Drive"), term(car.drive)),
        (_("Colour"), term(car.color)),
        (_("Steering wheel"), term(extra.get("steering", ""))),
        (_("Owners"), term(extra.get("owners", ""))),
        (_("Vehicle passport"), term(extra.get("title_document", ""))),
        (_("Customs"), term(extra.get("customs", ""))),
        ("VIN", car.vin),
    ]
    names = attribute_names([car.category_id]) if extra else {}
    rows += [
        (name.label, in_words(extra[key], name))
        for key, name in names.items()
        if key in extra and key not in wording.FIELDS
    ]
    return [(name, value) for name, value in rows if value not in (None, "")]


def _engine(car: ProductView) -> str:
    volume = _("%(litres)s l") % {"litres": litres(car.engine_volume)} if car.engine_volume else ""
    power = _("%(power)s hp") % {"power": car.power_hp} if car.power_hp else ""
    return " / ".join(part for part in (volume, power) if part)

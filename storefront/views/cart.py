"""The cart: filling it from a product's page, changing it, ordering what is in it."""

from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from catalog import public
from catalog.public import ProductSearch, ProductView
from core.db import database_now
from core.errors import DomainError, NotFound
from gateway.access.permissions import EmailNotVerified, require_verified_email
from orders import services
from orders.public import read_cart
from storefront.cart import get_holder, remember
from storefront.chosen_policies import Chosen, chosen_by, clear, compute_total
from storefront.forms.deposits import BuyForm, GoodsForm
from storefront.forms.visitors import QuantityForm, new_key
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.wording import Text
from storefront.visitor import count, get_actor, get_principal, send_once, user_id

OFFERED = 6
log = structlog.get_logger(__name__)


@page
@never_cache
@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    return _cart_page(request, GoodsForm())


@page
@require_POST
def add_to_cart(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Put a product in; a visitor who has no cart yet is given one."""
    form = QuantityForm(request.POST)
    holder = get_holder(request)
    response = redirect("storefront:cart")
    if not form.is_valid():
        messages.error(request, _("Say how many."))
        return redirect("storefront:vehicle", product_id)
    try:
        count(request, "default")
        quantity = form.cleaned_data["quantity"]
        holder = services.add_to_cart(holder=holder, product_id=product_id, quantity=quantity, now=timezone.now())
    except DomainError as error:
        messages.error(request, wording.cart_refusal(error))
        response = redirect("storefront:vehicle", product_id)
    else:
        messages.success(request, _("It is in your cart."))
    return remember(request, response, holder)


@page
@require_POST
def change_cart(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Another quantity of a line; 0 takes it out."""
    form = QuantityForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say how many."))
        return redirect("storefront:cart")
    holder, quantity = get_holder(request), form.cleaned_data["quantity"]
    try:
        count(request, "default")
        if quantity:
            services.change_cart_item(holder=holder, item_id=item_id, quantity=quantity, now=timezone.now())
        else:
            services.remove_cart_item(holder=holder, item_id=item_id, now=timezone.now())
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.cart_refusal(error))
    return redirect("storefront:cart")


@page
@require_POST
def check_out(request: HttpRequest) -> HttpResponse:
    """Order what is in the cart at the total the buyer saw; the form's key makes a second click harmless."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:cart"))
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _cart_page(request, form, refusal=form.refusal, status=400)
    try:
        count(request, "order_create")
        require_verified_email(get_principal(request))
        chosen = chosen_by(request)
        return send_once(request, "orders", "cart", lambda: _order(request, form, chosen))
    except EmailNotVerified:
        messages.error(request, _("Please confirm your e-mail first. Nothing was ordered."))
        return redirect("storefront:account")
    except DomainError as error:
        return _cart_page(request, form, refusal=wording.cart_refusal(error), status=error.status)


def _order(request: HttpRequest, form: BuyForm, chosen: list[Chosen]) -> HttpResponse:
    order = services.check_out_cart(
        customer_id=user_id(request),
        actor=get_actor(request),
        **form.means(),
        insurance=[item.request for item in chosen],
        policies=[(item.name, item.premium, item.supplier) for item in chosen],
        expected_total=form.cleaned_data["expected_total"],
        now=database_now("orders"),
    )
    clear(request)
    return redirect("storefront:order", order.id)


def _cart_page(request: HttpRequest, form: GoodsForm, *, refusal: Text = "", status: int = 200) -> HttpResponse:
    holder = get_holder(request)
    shown = read_cart(holder, now=timezone.now())
    chosen = chosen_by(request)
    there = {line.product_id for line in shown.items}
    context = {
        "cart": shown,
        "policies": chosen,
        "total": shown.total_amount + compute_total(chosen),
        "car": next((line for line in shown.items if line.kind == "vehicle"), None),
        "can_order": bool(shown.items) and all(line.is_available for line in shown.items),
        "form": form,
        "key": new_key(),
        "refusal": refusal,
        "offers": [one for one in accessories() if one.id not in there],
    }
    return remember(request, render(request, "storefront/cart.html", context, status=status), holder)


def accessories() -> list[ProductView]:
    """Something to go with a car; while the catalogue is away the page does without."""
    try:
        found = public.search_products(ProductSearch(kind="accessory", in_stock=True), limit=OFFERED)
    except DatabaseError as error:
        log.warning("accessories_unread", error=repr(error))
        return []
    return list(found.items)

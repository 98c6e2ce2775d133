"""Insuring a car: the wizard of a quote, the insurers side by side, and buying or choosing one of their offers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog.public import get_product
from core.errors import DomainError, InvalidInput, NotFound
from core.ids import find_uuid
from insurance.queries import QuoteView, read_quote
from insurance.rules.pricing import read_request
from insurance.services import make_quote, purchase_quote
from storefront import chosen_policies
from storefront.forms.insurance import DEDUCTIBLES, STEPS, TITLES, begun_with, build_request
from storefront.forms.visitors import PremiumForm, new_key
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.wording import Text
from storefront.visitor import count, send_once, user_id

NAMES = list(STEPS)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def quote_wizard(request: HttpRequest) -> HttpResponse:
    """One step after another, each checked with all before it; what was typed goes along in hidden fields."""
    if request.method != "POST":
        begun = begun_with(_car(request.GET.get("car", "")))
        return _step(request, "car", {name: step(initial=begun) for name, step in STEPS.items()}, begun)
    sent = request.POST.get("step", "")
    if sent not in STEPS:
        sent = "car"
    typed = {name: str(value) for name, value in request.POST.items()}
    forms = {name: step(request.POST) for name, step in STEPS.items()}
    if "back" in request.POST:
        return _step(request, NAMES[max(NAMES.index(sent) - 1, 0)], _unblamed(typed), typed)
    for name in NAMES[: NAMES.index(sent) + 1]:
        if not forms[name].is_valid():
            return _step(request, name, forms, typed, status=400)
    if sent != NAMES[-1]:
        return _step(request, NAMES[NAMES.index(sent) + 1], _unblamed(typed), typed)
    try:
        count(request, "default")
        made = _quote(request, forms)
    except DomainError as error:
        return _step(request, _blame(forms, error), forms, typed, status=error.status)
    return redirect("storefront:insurance-quote", made)


def _unblamed(typed: Mapping[str, str]) -> dict[str, Any]:
    """The forms as they were typed so far, without complaints about what was not asked yet."""
    return {name: step(initial=typed) for name, step in STEPS.items()}


def _car(text: str) -> Any:
    product_id = find_uuid(text)
    return get_product(product_id) if product_id else None


def _step(
    request: HttpRequest, name: str, forms: Mapping[str, Any], typed: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    own = set(forms[name].fields) | {"csrfmiddlewaretoken", "step", "back"}
    context = {
        "form": forms[name],
        "step": name,
        "steps": [{"name": key, "title": TITLES[key], "is_now": key == name} for key in NAMES],
        "number": NAMES.index(name) + 1,
        "hidden": {key: str(value) for key, value in typed.items() if key not in own},
        "is_last": name == NAMES[-1],
    }
    return render(request, "storefront/insurance_wizard.html", context, status=status)


def _quote(request: HttpRequest, forms: Mapping[str, Any]) -> UUID:
    wanted = build_request(forms)
    others = [{"deductible": sum_} for sum_ in DEDUCTIBLES if wanted["insurance_type"] == "kasko"]
    asked = read_request(wanted)
    quote = make_quote(
        customer_id=user_id(request),
        request=asked,
        variants=[item for item in others if item["deductible"] != asked.deductible],
        is_compared=True,
        now=timezone.now(),
    )
    return quote.id


def _blame(forms: Mapping[str, Any], error: DomainError) -> str:
    """Put each complaint beside its field; the step that has the first of them is shown."""
    shown = ""
    for complaint in getattr(error, "errors", []):
        path = complaint["field"].split(".")
        is_driver = path[0] == "drivers" and len(path) == 3
        field = f"{path[2]}_{int(path[1]) + 1}" if is_driver else path[-1]
        step = next((name for name in NAMES if field in forms[name].fields), "")
        forms[step or NAMES[-1]].add_error(field if step else None, complaint["detail"])
        shown = shown or step
    if not isinstance(error, InvalidInput):
        forms[NAMES[-1]].add_error(None, str(error.detail))
    return shown or NAMES[-1]


@page
@never_cache
@require_GET
@login_required
def insurance_quote(request: HttpRequest, quote_id: UUID) -> HttpResponse:
    """One's own quote: the insurers and deductibles side by side."""
    return _quote_page(request, _found(request, quote_id), PremiumForm())


def _found(request: HttpRequest, quote_id: UUID) -> QuoteView:
    found = read_quote(quote_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    return found


def _quote_page(
    request: HttpRequest, quote: QuoteView, form: PremiumForm, *, refusal: Text = "", status: int = 200
) -> HttpResponse:
    chosen = request.POST.get("variant", "")
    context = {
        "quote": quote,
        "form": form,
        "key": new_key(),
        "refusal": refusal,
        "chosen": chosen if chosen else str(quote.offers[0].variant),
    }
    return render(request, "storefront/insurance_quote.html", context, status=status)


@page
@require_POST
@login_required
def take_quote(request: HttpRequest, quote_id: UUID) -> HttpResponse:
    """Take one of the offers: into the cart, or bought at once by itself; the form's key makes it once."""
    quote, form = _found(request, quote_id), PremiumForm(request.POST)
    variant = next((offer.variant for offer in quote.offers if str(offer.variant) == request.POST.get("variant")), None)
    is_for_cart = request.POST.get("do") == "cart"
    if variant is None or (is_for_cart and not quote.is_standing):
        why = _("Choose one of the offers.") if quote.is_standing else _("This quote cannot be bought any more.")
        return _quote_page(request, quote, form, refusal=why, status=400)
    if is_for_cart:
        chosen_policies.choose(request, quote.id, variant)
        messages.success(request, _("The policy is in your cart, and will be bought with what you order."))
        return redirect("storefront:cart")
    if not form.is_valid():
        return _quote_page(request, quote, form, refusal=_("Choose how to pay."), status=400)
    try:
        count(request, "order_create")
        return send_once(request, "insurance", "policy", lambda: _buy(request, quote.id, variant, form))
    except DomainError as error:
        told = wording.REFUSALS.get(error.code) or str(error.detail)
        return _quote_page(request, quote, form, refusal=told, status=error.status)


def _buy(request: HttpRequest, quote_id: UUID, variant: int, form: PremiumForm) -> HttpResponse:
    policy = purchase_quote(
        quote_id=quote_id,
        variant=variant,
        payment=form.payment(),
        customer_id=user_id(request),
        now=timezone.now(),
    )
    messages.success(request, _("The policy comes into force as soon as it is paid."))
    return redirect("storefront:policy", policy.id)


@require_POST
@login_required
def drop_policy(request: HttpRequest, quote_id: UUID) -> HttpResponse:
    """Take a chosen policy out of the cart."""
    chosen_policies.drop(request, quote_id)
    return redirect("storefront:cart")

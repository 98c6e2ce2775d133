"""A policy of one's own: what it covers, one more driver, its end before time, and the next term."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, NotFound
from gateway.idempotency import run_once
from insurance import services
from storefront.forms import PremiumForm, new_key
from storefront.insurance_forms import DriverForm
from storefront.pages import page
from storefront.visitor import count, user_id


@page
@never_cache
@require_GET
@login_required
def policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """One's own policy."""
    return _policy_page(request, _found(request, policy_id), DriverForm(), PremiumForm())


def _found(request: HttpRequest, policy_id: UUID) -> services.PolicyView:
    found = services.read_policy(policy_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    return found


def _policy_page(
    request: HttpRequest,
    found: services.PolicyView,
    driver_form: DriverForm,
    payment_form: PremiumForm,
    *,
    is_charged: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "policy": found,
        "driver_form": driver_form,
        "form": payment_form,
        "is_charged": is_charged,
        "key": new_key(),
    }
    return render(request, "storefront/policy.html", context, status=status)


@page
@require_POST
@login_required
def add_driver(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """One more driver: first it is said what that costs, then it is paid."""
    found = _found(request, policy_id)
    driver_form, payment_form = DriverForm(request.POST), PremiumForm(request.POST)
    if not driver_form.is_valid():
        return _policy_page(request, found, driver_form, PremiumForm(), status=400)
    payment = payment_form.payment() if "method" in request.POST and payment_form.is_valid() else None
    try:
        return _once(
            request,
            "endorse",
            lambda: services.endorse_policy(
                policy_id=policy_id,
                changes={"drivers": [*found.drivers, driver_form.driver()]},
                payment=payment,
                actor_id=user_id(request),
                customer_id=user_id(request),
                now=timezone.now(),
            ),
            _("The change is on its way: it counts as soon as it is paid."),
            policy_id,
        )
    except NotFound:
        raise
    except DomainError as error:
        complaints = getattr(error, "errors", [{"field": "", "code": error.code, "detail": str(error.detail)}])
        for complaint in complaints:
            name = complaint["field"].rpartition(".")[2]
            driver_form.add_error(name if name in driver_form.fields else None, complaint["detail"])
        is_charged = any(complaint["field"] == "payment" for complaint in complaints)
        shown = PremiumForm() if payment is None else payment_form
        return _policy_page(request, found, driver_form, shown, is_charged=is_charged, status=error.status)


@page
@require_POST
@login_required
def cancel_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """End one's own policy today."""
    return _act(request, policy_id, services.cancel_policy, _("The policy has ended; what is left comes back to you."))


@page
@require_POST
@login_required
def renew_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """A quote for the next term."""
    try:
        count(request, "default")
        quote = services.renew_policy(policy_id=policy_id, customer_id=user_id(request), now=timezone.now())
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("storefront:policy", policy_id)
    return redirect("storefront:insurance-quote", quote.id)


@page
@require_POST
@login_required
def withdraw_claim(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    """Take back a report that was not decided."""
    try:
        count(request, "default")
        services.withdraw_claim(claim_id=claim_id, customer_id=user_id(request), now=timezone.now())
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Your report is taken back."))
    return redirect("storefront:insurance")


def _act(request: HttpRequest, policy_id: UUID, act: Callable[..., Any], said: str) -> HttpResponse:
    try:
        return _once(
            request,
            act.__name__,
            lambda: act(policy_id=policy_id, customer_id=user_id(request), now=timezone.now()),
            said,
            policy_id,
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("storefront:policy", policy_id)


def _once(request: HttpRequest, what: str, act: Callable[[], Any], said: str, policy_id: UUID) -> HttpResponse:
    def action() -> HttpResponse:
        act()
        messages.success(request, said)
        return redirect("storefront:policy", policy_id)

    count(request, "default")
    return run_once(
        request,
        user_id(request),
        alias="insurance",
        route=f"POST storefront {what}",
        form_key=request.POST.get("key", ""),
        action=action,
    )

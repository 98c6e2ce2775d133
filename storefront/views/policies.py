"""A policy of one's own: what it covers, its changes and instalments, its end before time, and the next term."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
from insurance import queries, services
from storefront.forms.policies import PolicyChangeForm
from storefront.forms.visitors import PremiumForm, new_key
from storefront.pages import page
from storefront.visitor import count, send_once, user_id


@dataclass(frozen=True)
class _Shown:
    """Parts of a policy's page besides the policy: its forms, and what a change would cost."""

    change: PolicyChangeForm
    payment: PremiumForm = field(default_factory=PremiumForm)
    price: Any = None
    is_changing: bool = False
    refusal: str = ""


@page
@never_cache
@require_GET
@login_required
def policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """One's own policy."""
    found = _found(request, policy_id)
    return _policy_page(request, found, _Shown(PolicyChangeForm(found)))


def _found(request: HttpRequest, policy_id: UUID) -> queries.PolicyView:
    found = queries.read_policy(policy_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    return found


def _policy_page(request: HttpRequest, found: queries.PolicyView, shown: _Shown, *, status: int = 200) -> HttpResponse:
    context = {"policy": found, "shown": shown, "form": shown.payment, "key": new_key()}
    return render(request, "storefront/policy.html", context, status=status)


@page
@require_POST
@login_required
def change_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """A change of one's own policy: first its price is shown; it is made when that price is agreed to."""
    found = _found(request, policy_id)
    form = PolicyChangeForm(found, request.POST)
    if not form.is_valid():
        return _policy_page(request, found, _Shown(form, is_changing=True), status=400)
    about: dict[str, Any] = {"policy_id": policy_id, "changes": form.changes(), "now": timezone.now()}
    about |= {"actor_id": user_id(request), "customer_id": user_id(request)}
    try:
        count(request, "default")
        price = services.price_endorsement(**about)
        payment = PremiumForm(request.POST if "method" in request.POST else None)
        is_agreed = request.POST.get("agreed") == f"{price.premium_difference:.2f}"
        if not is_agreed or (price.to_pay and not payment.is_valid()):
            return _policy_page(request, found, _Shown(form, payment, price, is_changing=True))
        means = payment.payment() if price.to_pay else None
        said = _("The change is on its way: it counts as soon as it is paid.") if means else _("The change is made.")
        change = partial(services.endorse_policy, **about, payment=means, expected_difference=price.premium_difference)
        return _once(request, "endorse", change, said, policy_id, is_counted=True)
    except NotFound:
        raise
    except DomainError as error:
        for complaint in getattr(error, "errors", [{"field": "", "detail": str(error.detail)}]):
            form.blame(complaint["field"], str(complaint["detail"]))
        return _policy_page(request, found, _Shown(form, is_changing=True), status=error.status)


@page
@require_POST
@login_required
def pay_instalment(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """Pay the instalment of one's own policy that is due next."""
    found, payment = _found(request, policy_id), PremiumForm(request.POST)
    if not payment.is_valid():
        return _policy_page(request, found, _Shown(PolicyChangeForm(found), payment), status=400)

    def pay(**who: Any) -> object:
        return services.pay_instalment(payment=payment.payment(), **who)

    return _act(request, policy_id, pay, _("The payment is on its way."), what="pay_instalment")


@page
@require_POST
@login_required
def cancel_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """End one's own policy today."""
    said = _("The policy has ended; what is left comes back to you.")
    return _act(request, policy_id, services.cancel_policy, said, what="cancel_policy")


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


def _act(request: HttpRequest, policy_id: UUID, act: Callable[..., Any], said: str, *, what: str) -> HttpResponse:
    try:
        return _once(
            request,
            what,
            lambda: act(policy_id=policy_id, customer_id=user_id(request), now=timezone.now()),
            said,
            policy_id,
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("storefront:policy", policy_id)


def _once(
    request: HttpRequest, what: str, act: Callable[[], Any], said: str, policy_id: UUID, *, is_counted: bool = False
) -> HttpResponse:
    def action() -> HttpResponse:
        act()
        messages.success(request, said)
        return redirect("storefront:policy", policy_id)

    if not is_counted:
        count(request, "default")
    return send_once(request, "insurance", what, action)

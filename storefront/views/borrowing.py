"""A borrower's own applications: where they stand, why, and the banks' answers side by side."""

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
from financing import services
from orders.public import get_order
from storefront.pages import page
from storefront.visitor import count, user_id


@never_cache
@require_GET
@login_required
def borrowing(request: HttpRequest) -> HttpResponse:
    """All of one's applications and loans."""
    now, me = timezone.now(), user_id(request)
    context = {"applications": services.applications_of(me, now=now), "loans": services.loans_of(me)}
    return render(request, "storefront/credit.html", context)


@page
@never_cache
@require_GET
@login_required
def application(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """One's own application: where it stands, why, and what each bank says."""
    found = services.read_application(application_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    loans = services.loans_of(user_id(request), order_id=found.order_id)
    order = get_order(found.order_id, viewer_id=user_id(request))
    context = {
        "application": found,
        "product_id": next((item.product_id for item in order.items if item.product_id), None) if order else None,
        "loan": next((loan for loan in loans if loan.application_id == found.id), None),
    }
    return render(request, "storefront/application.html", context)


@page
@require_POST
@login_required
def accept_offer(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Take the application's offer, or the bank's named."""
    wanted = {"offer_id": _uuid(request.POST["offer_id"])} if request.POST.get("offer_id") else {}
    said = _("The offer is yours. The bank pays as soon as the purchase is ready.")
    return _act(request, application_id, services.accept_offer, said, **wanted)


@page
@require_POST
@login_required
def withdraw_application(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Give an application up."""
    return _act(request, application_id, services.withdraw_application, _("The application is withdrawn."))


def _act(request: HttpRequest, application_id: UUID, act: Callable[..., Any], said: str, **wanted: Any) -> HttpResponse:
    try:
        count(request, "default")
        act(application_id=application_id, customer_id=user_id(request), now=timezone.now(), **wanted)
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, said)
    return redirect("storefront:application", application_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error

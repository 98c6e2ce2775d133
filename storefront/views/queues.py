"""The queue behind a held car: joining it from the car's page, giving up a place or an offer, and skipping somebody."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.db import database_now
from core.errors import DomainError, NotFound
from core.screens.base import level
from gateway.access.permissions import EmailNotVerified, require_verified_email
from orders import services
from storefront.pages import page
from storefront.shown import wording
from storefront.visitor import count, get_actor, get_principal, next_url, user_id


@page
@require_POST
@login_required
def join_queue(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Wait for a car that somebody else holds."""
    try:
        count(request, "order_create")
        require_verified_email(get_principal(request))
        services.join_queue(product_id=product_id, customer_id=user_id(request), now=timezone.now())
        messages.success(request, _("You are in the queue. We tell you as soon as the car is yours to take."))
    except EmailNotVerified:
        messages.error(request, _("Please confirm your e-mail first."))
        return redirect("storefront:account")
    except DomainError as error:
        messages.error(request, wording.queue_refusal(error))
    return redirect("storefront:vehicle", product_id)


@page
@require_POST
@login_required
def leave_queue(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """Give up one's place, or the offer it came to."""
    try:
        count(request, "default")
        services.leave_queue(place_id=place_id, customer_id=user_id(request), now=timezone.now())
        messages.success(request, _("You are out of the queue."))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.queue_refusal(error))
    return redirect(next_url(request, "storefront:account"))


@page
@require_POST
def skip_queued(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """Take somebody out of a queue from the board, with a reason that they are told; the next is asked."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:board"))
    user: Any = request.user
    if not user.is_staff:
        raise PermissionDenied
    reason = request.POST.get("reason", "")[:1000]
    try:
        place = services.skip_place(
            place_id=place_id, reason=reason, actor=get_actor(request), now=database_now("orders")
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.add_message(request, level(error), wording.queue_refusal(error))
    else:
        messages.success(request, _("%(car)s: skipped, and the next is asked.") % {"car": place.name})
    return redirect("storefront:board")

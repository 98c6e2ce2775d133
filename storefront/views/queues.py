"""The queue behind a held car: joining it from the car's page, and giving up a place or an offer."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError, NotFound
from gateway.permissions import EmailNotVerified, require_verified_email
from orders import services
from storefront import wording
from storefront.pages import page
from storefront.visitor import count, next_url, principal_of, user_id


@page
@require_POST
@login_required
def join_queue(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """Wait for a car that somebody else holds."""
    try:
        count(request, "order_create")
        require_verified_email(principal_of(request))
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

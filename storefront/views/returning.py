"""Come back from the bank's own page to what was paid for, with a word about the money."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.errors import NotFound
from payments.public import PaidThing, paid_thing
from showroom.public import happening_of_seat
from storefront.pages import page
from storefront.visitor import user_id


@page
@never_cache
@require_GET
@login_required
def paid(request: HttpRequest, payment_id: UUID) -> HttpResponse:
    """Lead to the order, loan, policy or seat that a payment is for: where every bank sends the payer back to."""
    thing = paid_thing(payment_id, customer_id=user_id(request))
    if thing is None:
        raise NotFound
    if thing.is_in_flight:
        messages.info(request, _("Thank you. The bank is telling us about your payment: it takes a moment."))
    elif thing.status in ("failed", "cancelled"):
        messages.error(request, _("The payment did not go through, and no money was taken. You can try again."))
    else:
        messages.success(request, _("Thank you, your payment has arrived."))
    return _to(thing)


def _to(thing: PaidThing) -> HttpResponse:
    match thing.purpose:
        case "loan":
            return redirect("storefront:loan", thing.subject_id)
        case "policy":
            return redirect("storefront:policy", thing.subject_id)
        case "ticket":
            happening_id = happening_of_seat(thing.subject_id)
            return redirect("storefront:happening", happening_id) if happening_id else redirect("storefront:happenings")
        case _:
            return redirect("storefront:order", thing.subject_id)

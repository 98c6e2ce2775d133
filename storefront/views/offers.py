"""Show a buyer the written offers that they were sent, and take their answers."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.services import publish_agreement
from core.db import Expected, database_now
from core.errors import DomainError, NotFound
from core.ids import find_uuid
from gateway.access.permissions import EmailNotVerified, require_verified_email
from gateway.access.readings import Papers, hand_over
from orders.public import SentOffer, find_sent_offer, list_sent_offers
from orders.services import Purchase, accept_offer, decline_offer
from orders.services.offer_papers import read_offer_paper
from storefront.consents import agreed
from storefront.forms.deals import ApplicantForm
from storefront.pages import page
from storefront.shown.offers import OFFER_ENDS, OFFER_STATES, offer_refusal
from storefront.visitor import count, get_actor, get_principal, user_id

PAGE_SIZE = 20


class AnswerForm(forms.Form):
    """The version of an offer that its buyer has looked at."""

    version = forms.IntegerField(min_value=0)

    @property
    def expected(self) -> Expected:
        """Return the version to find; whoever sent none has seen none."""
        return frozenset({self.cleaned_data["version"]} if self.is_valid() else ())


@never_cache
@require_GET
@login_required
def offers(request: HttpRequest) -> HttpResponse:
    """List what was offered to the visitor, the newest first."""
    before = find_uuid(request.GET.get("before", ""))
    found = list_sent_offers(customer_id=user_id(request), before=before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    context = {
        "offers": [(offer, *OFFER_STATES[offer.state]) for offer in shown],
        "next_before": shown[-1].id if len(found) > PAGE_SIZE else None,
        "is_later": before is not None,
    }
    return render(request, "storefront/offers.html", context)


@page
@never_cache
@require_GET
@login_required
def offer(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Show goods, agreed prices beside list prices, and how the offer is answered."""
    return _offer_page(request, _find(request, offer_id), ApplicantForm())


def _offer_page(request: HttpRequest, found: SentOffer, form: ApplicantForm, *, status: int = 200) -> HttpResponse:
    name, tone = OFFER_STATES[found.state]
    context = {
        "offer": found,
        "state": name,
        "tone": tone,
        "end": OFFER_ENDS.get(found.state, ""),
        "borrow_form": form,
    }
    return render(request, "storefront/offer.html", context, status=status)


@page
@never_cache
@require_safe
@login_required
def offer_paper(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Hand over the PDF as it was sent."""
    found = _find(request, offer_id)
    content = read_offer_paper(offer_id=offer_id, now=database_now("orders"))
    name = found.number.replace("/", "-")
    return hand_over(
        request,
        Papers("orders", "offer", offer_id, user_id(request)),
        content,
        "application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
    )


@page
@require_POST
@login_required
def order_offer(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Accept an offer and lead to its order; a second click leads to the same one."""
    found = _find(request, offer_id)
    borrows = found.loan is not None and found.is_open
    form = ApplicantForm(request.POST if borrows else None)
    if borrows and not form.is_valid():
        messages.error(request, _("Something is missing: look below. Nothing was ordered."))
        return _offer_page(request, found, form, status=400)
    try:
        count(request, "order_create")
        require_verified_email(get_principal(request))
        order = accept_offer(
            offer_id=offer_id,
            actor=get_actor(request),
            now=database_now("orders"),
            purchase=Purchase(applicant=form.applicant() if borrows else None),
            expected_version=AnswerForm(request.POST).expected,
        )
        if borrows:
            publish_agreement(user_id=user_id(request), agreement=agreed(request, "loan"))
    except EmailNotVerified:
        messages.error(request, _("Please confirm your e-mail first. Nothing was ordered."))
        return redirect("storefront:account")
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, offer_refusal(error))
        return redirect("storefront:offer", offer_id)
    messages.success(request, _("Thank you: the offer is accepted, and this is your order."))
    return redirect("storefront:order", order.id)


@page
@require_POST
@login_required
def decline_sent_offer(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Say no to an offer."""
    _find(request, offer_id)
    try:
        decline_offer(
            offer_id=offer_id,
            actor=get_actor(request),
            now=database_now("orders"),
            expected_version=AnswerForm(request.POST).expected,
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, offer_refusal(error))
    else:
        messages.success(request, _("The offer is declined."))
    return redirect("storefront:offer", offer_id)


def _find(request: HttpRequest, offer_id: UUID) -> SentOffer:
    """Return an offer that the visitor was sent, be they staff or not. Raises NotFound."""
    found = find_sent_offer(offer_id, customer_id=user_id(request))
    if found is None:
        raise NotFound
    return found

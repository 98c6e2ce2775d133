"""Enter the passport data of an order's buyer, and for managers see them in full and check them with the original."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from core.db import database_now
from core.errors import DomainError, NotFound
from gateway import approvals
from gateway.access.readings import Papers, record_reading
from orders.models import OPEN, SOLD, BuyerPapers
from orders.public import OrderDocument, get_order
from orders.rules.passports import FIELDS, mask
from orders.services.buyer_papers import check_buyer_papers, enter_buyer_papers, read_buyer_papers
from storefront.forms.passports import PassportForm
from storefront.forms.refusals import add_refusal
from storefront.pages import page
from storefront.shown import wording
from storefront.visitor import count, get_actor, user_id


@page
@never_cache
@sensitive_post_parameters(*FIELDS)
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def buyer_passport(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Passport data of an order's buyer, masked; a POST enters them, shows them in full, or states their check."""
    order = get_order(order_id, viewer_id=user_id(request), is_staff=get_actor(request).is_staff)
    if order is None:
        raise NotFound
    papers = BuyerPapers.objects.filter(order_id=order_id).first()
    step = request.POST.get("step", "") if request.method == "POST" else ""
    if step == "show" and papers is not None:
        record_reading(request, Papers("orders", "passport", order_id, order.customer_id))
        return _render(request, order, papers, is_full=True)
    if step == "check":
        return _check(request, order)
    if step == "enter":
        return _enter(request, order, papers)
    return _render(request, order, papers)


def _enter(request: HttpRequest, order: OrderDocument, papers: BuyerPapers | None) -> HttpResponse:
    form = PassportForm(request.POST)
    status = 400
    try:
        count(request, "default")
        if form.is_valid():
            data = dict(form.cleaned_data)
            enter_buyer_papers(
                order_id=order.id,
                expected_version=frozenset({data.pop("version")}),
                data=data,
                actor=get_actor(request),
                now=database_now("orders"),
            )
            messages.success(request, _("The passport data are kept, sealed."))
            return redirect("storefront:buyer-passport", order.id)
    except NotFound:
        raise
    except DomainError as error:
        add_refusal(form, error)
        status = error.status
    return _render(request, order, papers, form=form, status=status)


def _check(request: HttpRequest, order: OrderDocument) -> HttpResponse:
    version = request.POST.get("version", "")
    try:
        count(request, "default")
        check_buyer_papers(
            order_id=order.id,
            actor=get_actor(request),
            now=database_now("orders"),
            expected_version=frozenset({int(version)} if version.isdecimal() and len(version) < 10 else ()),
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, str(wording.order_refusal(error)))
    else:
        messages.success(request, _("The data are checked with the passport."))
    return redirect("storefront:buyer-passport", order.id)


def _render(
    request: HttpRequest,
    order: OrderDocument,
    papers: BuyerPapers | None,
    *,
    form: PassportForm | None = None,
    is_full: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Show the data: masked unless they were asked for in full, which fills the form in too."""
    kept, version = read_buyer_papers(papers), papers.version if papers else 0
    shown = kept if is_full or not kept else mask(kept)
    is_buyer = order.customer_id == user_id(request)
    is_ours = get_actor(request).is_staff and not approvals.is_own(
        "orders", person_id=user_id(request), beneficiary_id=order.customer_id
    )
    labels = {name: field.label for name, field in PassportForm.base_fields.items()}
    context: dict[str, Any] = {
        "order": order,
        "papers": papers if kept else None,
        "rows": [(labels[name], shown[name]) for name in FIELDS if shown.get(name)],
        "form": form or PassportForm(initial={"version": version} | (kept if is_full else {})),
        "is_open": order.status in SOLD.union(OPEN),
        "is_full": is_full,
        "is_buyer": is_buyer,
        "may_check": is_ours and papers is not None and papers.checked_at is None,
    }
    return render(request, "storefront/buyer_passport.html", context, status=status)

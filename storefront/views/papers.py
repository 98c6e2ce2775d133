"""Serve what a buyer does with an order besides paying it: its documents, and its lines while it is not paid."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core.db import database_now
from core.errors import DomainError, NotFound
from gateway.access.readings import Papers, hand_over
from orders.errors import InsufficientStock
from orders.public import OrderDocument, document_kinds, get_order, read_ordered_deal
from orders.services import Holder, LineChange, add_to_cart, change_lines, issue_document, preview_lines
from storefront.pages import page
from storefront.shown import wording
from storefront.views.deals import calculate_again
from storefront.visitor import count, get_actor, user_id


class ChangeForm(forms.Form):
    """A line and its new quantity, 0 to take it out; done with the total that was shown, without it only tried."""

    item = forms.UUIDField()
    quantity = forms.IntegerField(min_value=0, max_value=1000)
    expected_total = forms.DecimalField(max_digits=14, decimal_places=2, required=False)


@page
@never_cache
@login_required
@require_safe
def order_paper(request: HttpRequest, order_id: UUID, kind: str) -> HttpResponse:
    """An invoice, contract or handover act, in the page's language."""
    if kind not in document_kinds():
        raise NotFound
    language = "ru" if (get_language() or "ru").startswith("ru") else "en"
    try:
        printed = issue_document(
            order_id=order_id, kind=kind, language=language, actor=get_actor(request), now=timezone.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.order_refusal(error))
        return redirect("storefront:order", order_id)
    return hand_over(
        request,
        Papers("orders", kind, order_id, printed.customer_id),
        printed.content,
        "application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{printed.number}-{language}.pdf"'},
    )


@page
@require_POST
@login_required
def order_again(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Calculate the whole deal of a cancelled order anew, or put its goods into the cart; at today's prices."""
    order = get_order(order_id, viewer_id=user_id(request))
    if order is None:
        raise NotFound
    deal = read_ordered_deal(order_id, viewer_id=user_id(request))
    answer = calculate_again(request, deal) if deal is not None else None
    return answer or _fill_cart(request, order)


def _fill_cart(request: HttpRequest, order: OrderDocument) -> HttpResponse:
    """Put what can still be had into the cart, and name the rest: gone, fewer than were ordered, or nobody's goods."""
    missed, fewer, apart = [], [], [item.name for item in order.items if item.product_id is None]
    holder = Holder(user_id(request))
    for item in order.items:
        if item.product_id is None:
            continue
        added = _add_what_is_left(holder, item.product_id, item.quantity)
        if added == 0:
            missed.append(item.name)
        elif added < item.quantity:
            told = {"name": item.name, "added": added, "wanted": item.quantity}
            fewer.append(_("%(name)s: %(added)s of %(wanted)s") % told)
    if missed:
        messages.error(request, _("Cannot be had any more: %(names)s.") % {"names": ", ".join(missed)})
    if fewer:
        messages.warning(request, _("There are fewer than you ordered: %(names)s.") % {"names": ", ".join(fewer)})
    if apart:
        messages.warning(request, _("Please choose anew: %(names)s.") % {"names": ", ".join(apart)})
    return redirect("storefront:cart")


def _add_what_is_left(holder: Holder, product_id: UUID, wanted: int) -> int:
    """Put so many pieces into the cart, or as many as there still are; return how many."""
    try:
        add_to_cart(holder=holder, product_id=product_id, quantity=wanted, now=timezone.now())
    except InsufficientStock as error:
        short = error.extra["shortfalls"][0]
        left = wanted + short["available"] - short["requested"]
        return _add_what_is_left(holder, product_id, left) if 0 < left < wanted else 0
    except DomainError:
        return 0
    return wanted


@page
@never_cache
@require_POST
@login_required
def change_order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """First show what a change would come to; do it when the buyer has seen that."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say how many."))
        return redirect("storefront:order", order_id)
    asked: dict[str, Any] = {
        "order_id": order_id,
        "wishes": [LineChange(form.cleaned_data["item"], form.cleaned_data["quantity"])],
        "actor": get_actor(request),
    }
    expected = form.cleaned_data["expected_total"]
    try:
        count(request, "default")
        if expected is None:
            preview = preview_lines(**asked, now=database_now("orders"))
            lines = [(item["name"], item["quantity"], Decimal(item["line_total"])) for item in preview.items]
            context = {"preview": preview, "lines": lines, "asked": form.cleaned_data}
            return render(request, "storefront/order_change.html", context)
        change_lines(**asked, expected_total=expected, now=database_now("orders"))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.order_refusal(error))
    else:
        messages.success(request, _("The order is changed; the reservation follows."))
    return redirect("storefront:order", order_id)

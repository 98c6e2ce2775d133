"""A borrower's own applications: where they stand, why, and the banks' answers side by side."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
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

from accounts.services import publish_agreement
from core.errors import DomainError, NotFound
from financing import queries, services
from financing.errors import DocumentsMissing
from financing.public import programme_choices
from financing.rules.application_fields import read_fields
from orders.public import OrderDocument, get_order
from storefront.consents import agreed
from storefront.forms.loans import ApplyForm
from storefront.forms.refusals import add_refusal
from storefront.forms.visitors import new_key
from storefront.pages import page
from storefront.visitor import count, required_uuid, send_once, user_id


@never_cache
@require_GET
@login_required
def borrowing(request: HttpRequest) -> HttpResponse:
    """All of one's applications and loans."""
    now, me = timezone.now(), user_id(request)
    context = {"applications": queries.list_applications(me, now=now), "loans": queries.list_loans(me)}
    return render(request, "storefront/credit.html", context)


@page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def apply(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Apply for a loan for one's own waiting order; a counter-offer's terms may stand in the address."""
    order = get_order(order_id, viewer_id=user_id(request))
    if order is None:
        raise NotFound
    is_sent = request.method == "POST"
    begin = {"term_months": 60, "down_payment": order.total_amount - order.amount_due} | request.GET.dict()
    offered = programme_choices(timezone.now())
    form = ApplyForm(request.POST if is_sent else None, programmes=offered, initial=begin)
    if not is_sent or not form.is_valid():
        return _apply_page(request, order, form, status=400 if is_sent else 200)
    try:
        count(request, "default")
        return send_once(request, "financing", "apply", lambda: _apply(request, order, form))
    except NotFound:
        raise
    except DomainError as error:
        add_refusal(form, error)
        return _apply_page(request, order, form, status=error.status)


def _apply_page(request: HttpRequest, order: OrderDocument, form: ApplyForm, *, status: int) -> HttpResponse:
    context = {"order": order, "form": form, "key": new_key()}
    return render(request, "storefront/apply.html", context, status=status)


def _apply(request: HttpRequest, order: OrderDocument, form: ApplyForm) -> HttpResponse:
    fields = read_fields(form.application() | {"vehicle_price": str(order.total_amount)})
    made = services.apply_for_loan(order_id=order.id, fields=fields, customer_id=user_id(request), now=timezone.now())
    publish_agreement(user_id=user_id(request), agreement=agreed(request, "loan"))
    return redirect("storefront:application", made.id)


@page
@never_cache
@require_GET
@login_required
def application(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """One's own application: where it stands, why, and what each bank says."""
    found = queries.read_application(application_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    loans = queries.list_loans(user_id(request), order_id=found.order_id)
    order = get_order(found.order_id, viewer_id=user_id(request))
    context = {
        "application": found,
        "papers": queries.read_papers(application_id, customer_id=user_id(request)),
        "order": order,
        "product_id": next((item.product_id for item in order.items if item.product_id), None) if order else None,
        "loan": next((loan for loan in loans if loan.application_id == found.id), None),
    }
    return render(request, "storefront/application.html", context)


@page
@require_POST
@login_required
def accept_offer(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Take the application's offer, or the bank's named."""
    wanted: dict[str, Any] = {"own_part": _money(request.POST.get("own_part", ""))}
    if request.POST.get("offer_id"):
        wanted["offer_id"] = required_uuid(request.POST["offer_id"])
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
    except DocumentsMissing as error:
        messages.error(request, error.detail)
        return redirect("storefront:loan-papers", application_id)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, said)
    return redirect("storefront:application", application_id)


def _money(text: str) -> Decimal | None:
    """The sum a borrower agreed to; what is no sum agrees to nothing."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None

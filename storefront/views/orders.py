"""A buyer's own orders: the list, one order's page, and what the buyer may do to it."""

from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.db import database_now
from core.errors import DomainError, NotFound
from core.ids import find_uuid
from financing.queries.borrowing import ApplicationCard, list_applications
from gateway.access.switches import SwitchedOff
from gateway.access.tickets import LIFETIME_S, issue_ticket
from orders import public
from orders.services import ask_return, move_order
from payments.commands import Means
from payments.public import PaymentFacts, payments_of_order
from payments.services import create_payment
from storefront.forms.visitors import PaymentForm
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.order_view import OrderView, summary
from storefront.views.handovers import show_handover
from storefront.views.messages import read_newest
from storefront.visitor import count, get_actor, get_principal, send_once, user_id

PAGE_SIZE = 20
log = structlog.get_logger(__name__)


@never_cache
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The list, or with `?part=live` the part of it that the live feed replaces."""
    is_part = request.GET.get("part") == "live"
    if not request.user.is_authenticated:
        return HttpResponse(status=401) if is_part else redirect_to_login(request.get_full_path())
    before = find_uuid(request.GET.get("before", ""))
    found = public.list_orders(customer_id=user_id(request), before=before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    unread = public.count_unread({order.id: public.Side.BUYER for order in shown})
    context = {
        "orders": [summary(order) | {"unread": unread.get(order.id, 0)} for order in shown],
        "next_before": shown[-1].id if len(found) > PAGE_SIZE else None,
        "is_later": before is not None,
        "stamp": "-".join(f"{order.id}.{order.version}.{unread.get(order.id, 0)}" for order in shown),
        "part_path": f"?part=live&before={before}" if before else "?part=live",
    }
    template = "storefront/parts/orders_live.html" if is_part else "storefront/orders.html"
    return render(request, template, context)


@page
@never_cache
@require_GET
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The page, or with `?part=live` the part of it that the live feed replaces."""
    is_part = request.GET.get("part") == "live"
    if not request.user.is_authenticated:
        return HttpResponse(status=401) if is_part else redirect_to_login(request.path)
    document = public.get_order(order_id, viewer_id=user_id(request), is_staff=request.user.is_staff)
    if document is None:
        raise NotFound
    is_owner = document.customer_id == user_id(request)
    is_staff = bool(request.user.is_staff)
    payment = _last_payment(order_id)
    view = OrderView(
        document,
        public.timeline(order_id),
        payment,
        is_owner=is_owner,
        is_staff=is_staff,
        deposit=public.find_deposit(order_id),
        loan=_refused_loan(document) if is_owner else None,
    )
    context = {"view": view} | show_handover(order_id, document.status)
    if is_part:
        return render(request, "storefront/parts/order_live.html", context)
    return render(request, "storefront/order.html", context | read_newest(request, order_id))


def _refused_loan(order: public.OrderDocument) -> ApplicationCard | None:
    """The application that the order came to grief over, with the bank's reasons; without financing, none."""
    failure = order.saga.failure
    if failure is None or failure.step != "loan":
        return None
    try:
        found = list_applications(order.customer_id, order_id=order.id, now=timezone.now(), limit=1)
    except DatabaseError as error:
        log.warning("application_unread", order_id=str(order.id), error=repr(error))
        return None
    return next(iter(found), None)


def _last_payment(order_id: UUID) -> PaymentFacts | None:
    """The newest payment of the order; while payments is away the page does without."""
    try:
        return next(iter(payments_of_order(order_id)), None)
    except DatabaseError as error:
        log.warning("payments_unread", order_id=str(order_id), error=repr(error))
        return None


@page
@require_POST
@login_required
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    try:
        move_order(order_id=order_id, status="cancelled", actor=get_actor(request), now=database_now("orders"))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.refusal(error.code))
    else:
        messages.success(request, _("The order is cancelled."))
    return redirect("storefront:order", order_id)


@page
@require_POST
@login_required
def give_back(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Ask to give back what was handed over."""
    reason = request.POST.get("reason", "")[:2000]
    try:
        ask_return(order_id=order_id, reason=reason, actor=get_actor(request), now=database_now("orders"))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, wording.order_refusal(error))
    else:
        messages.success(request, _("We have your wish to give it back, and will look at the car first."))
    return redirect("storefront:order", order_id)


@page
@require_POST
@login_required
def pay(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Pay all that is due, or the deposit that was refused; the form's key makes a second click the same payment."""
    form = PaymentForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose how to pay."))
        return redirect("storefront:order", order_id)
    try:
        count(request, "order_create")
        return send_once(request, "payments", "pay", lambda: _pay(request, order_id, form))
    except NotFound:
        raise
    except SwitchedOff as error:
        messages.error(request, str(error.detail))
        return redirect("storefront:order", order_id)
    except DomainError as error:
        messages.error(request, wording.refusal(error.code))
        return redirect("storefront:order", order_id)


def _pay(request: HttpRequest, order_id: UUID, form: PaymentForm) -> HttpResponse:
    deposit = public.find_deposit(order_id) if request.POST.get("part") == "deposit" else None
    create_payment(
        order_id=order_id,
        means=Means(**form.payment()),
        actor_id=user_id(request),
        is_staff=False,
        amount=deposit.amount if deposit is not None else None,
        now=timezone.now(),
    )
    return redirect("storefront:order", order_id)


@never_cache
@require_POST
def live_ticket(request: HttpRequest) -> HttpResponse:
    """A one-use ticket that opens the order's socket in this visitor's name."""
    if not request.user.is_authenticated:
        return JsonResponse({"code": "not_authenticated"}, status=401)
    try:
        count(request, "default")
        ticket = issue_ticket(get_principal(request))
    except DomainError as error:
        return JsonResponse({"code": error.code}, status=error.status)
    return JsonResponse({"ticket": ticket, "expires_in": LIFETIME_S})

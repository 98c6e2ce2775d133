"""The managers' board: every open order by status, what needs attention first, and the steps a manager may make."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.db import database_now
from core.errors import DomainError, NotFound
from core.screens.base import level
from orders import public
from orders.models import Status
from orders.models.returns import MAX_MILEAGE
from orders.services import accept_return, inspect_return, move_order, refuse_return, steer_checkout
from orders.services import state_fault as say_whose_fault
from payments.public import payments_of_order
from payments.services import capture_payment
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.board_queues import read_queues
from storefront.shown.order_view import promised_payment
from storefront.shown.stuck import Stuck, read_stuck
from storefront.shown.wording import Text
from storefront.visitor import get_actor, get_reader, user_id


class MoveForm(forms.Form):
    """A step of an order that was seen in a certain version."""

    status = forms.ChoiceField(choices=Status.choices)
    version = forms.IntegerField(min_value=1)
    reason = forms.CharField(max_length=1000, required=False)


class SteeringForm(forms.Form):
    """Action for the leg of a checkout, and the reason."""

    action = forms.ChoiceField(choices=list(wording.STEERINGS.items()))
    leg = forms.CharField(max_length=20)
    reason = forms.CharField(max_length=1000)


class ReturnForm(forms.Form):
    """Findings about the goods that are given back, or why they are taken back or not."""

    action = forms.ChoiceField(choices=list(wording.RETURN_STEPS.items()))
    said = forms.CharField(max_length=2000)
    mileage = forms.IntegerField(min_value=0, max_value=MAX_MILEAGE, required=False)


class FaultForm(forms.Form):
    """Ask whose fault it was that a sale secured by earnest money failed, and why."""

    fault = forms.ChoiceField(choices=list(wording.FAULTS.items()))
    reason = forms.CharField(max_length=1000)


@page
@never_cache
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """The page, or with `?part=live` the part of it that the live feed replaces."""
    is_part = request.GET.get("part") == "live"
    if not request.user.is_authenticated:
        return HttpResponse(status=401) if is_part else redirect_to_login(request.path)
    _require_staff(request)
    found = public.read_board(roles=get_actor(request).roles, now=timezone.now())
    stuck, queues = read_stuck(get_reader(request), now=timezone.now()), read_queues(user_id(request))
    context = {
        "board": found,
        "stuck": stuck,
        "queues": queues,
        "time_zone": settings.DEALER_TIME_ZONE,
        "stamp": "-".join([_stamp(found), _build_stamp(stuck), *(queue.stamp for queue in queues)]),
        "now": timezone.now(),
        "steerings": _steerings(request),
        "return_steps": wording.RETURN_STEPS.items(),
        "faults": wording.FAULTS.items(),
    }
    return render(request, "storefront/parts/board_live.html" if is_part else "storefront/board.html", context)


@page
@require_POST
def move(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Make a step, with the guards of every other way; scripts get JSON, forms a page."""
    if not request.user.is_authenticated:
        return _told(request, 401, "not_authenticated", _("Please sign in again."))
    _require_staff(request)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _told(request, 400, "validation_error", _("This step is not known."))
    try:
        order = move_order(
            order_id=order_id,
            status=form.cleaned_data["status"],
            reason=form.cleaned_data["reason"],
            actor=get_actor(request),
            now=database_now("orders"),
            expected_version=frozenset({form.cleaned_data["version"]}),
        )
    except DomainError as error:
        said = wording.BOARD_REFUSALS.get(error.code) or wording.refusal(error.code)
        return _told(request, error.status, error.code if error.status >= 400 else "", str(said), **error.extra)
    name = str(wording.STATUSES[order.status].name)
    return _told(request, 200, "", _("%(number)s: %(status)s") % {"number": order.number, "status": name})


@page
@require_POST
def steer(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Unstick the leg at which an order's checkout stands, with a reason that its history keeps."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:board"))
    _require_staff(request)
    form = SteeringForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the order's history keeps it."))
        return redirect("storefront:board")
    asked = form.cleaned_data
    try:
        order = steer_checkout(order_id=order_id, actor=get_actor(request), now=database_now("orders"), **asked)
    except NotFound:
        raise
    except DomainError as error:
        messages.add_message(request, level(error), wording.BOARD_REFUSALS.get(error.code) or str(error.detail))
    else:
        done = str(wording.STEERINGS[asked["action"]])
        messages.success(request, _("%(number)s: %(status)s") % {"number": order.number, "status": done})
    return redirect("storefront:board")


@page
@require_POST
def decide_return(request: HttpRequest, return_id: UUID) -> HttpResponse:
    """Note what was found of the goods that are given back, take them back, or refuse: as the API does."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:board"))
    _require_staff(request)
    form = ReturnForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what was found, or why; the mileage is a number of kilometres."))
        return redirect("storefront:board")
    who: dict[str, Any] = {"return_id": return_id, "actor": get_actor(request), "now": database_now("orders")}
    step, said = form.cleaned_data["action"], form.cleaned_data["said"]
    try:
        if step == "inspect":
            done = inspect_return(result=said, mileage=form.cleaned_data["mileage"], **who)
        else:
            done = (accept_return if step == "accept" else refuse_return)(reason=said, **who)
    except NotFound:
        raise
    except DomainError as error:
        messages.add_message(request, level(error), wording.BOARD_REFUSALS.get(error.code) or str(error.detail))
    else:
        told = {"number": done.order.number, "status": str(wording.RETURN_STEPS[step])}
        messages.success(request, _("%(number)s: %(status)s") % told)
    return redirect("storefront:board")


@page
@require_POST
def state_fault(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """State whose fault it was that a sale secured by earnest money failed: a second person confirms it, as by API."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:board"))
    _require_staff(request)
    form = FaultForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say whose fault it was, and why."))
        return redirect("storefront:board")
    try:
        say_whose_fault(order_id=order_id, actor=get_actor(request), now=database_now("orders"), **form.cleaned_data)
    except NotFound:
        raise
    except DomainError as error:
        messages.add_message(request, level(error), wording.BOARD_REFUSALS.get(error.code) or str(error.detail))
    return redirect("storefront:board")


@page
@require_POST
def confirm_money(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The cash or the transfer that the order's buyer promised has arrived."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:order", order_id))
    _require_staff(request)
    promised = promised_payment(payments_of_order(order_id))
    if promised is None:
        messages.error(request, _("No cash or transfer is waited for: look at the order as it is now."))
        return redirect("storefront:order", order_id)
    try:
        capture_payment(payment_id=promised.id, actor_id=user_id(request), now=timezone.now())
    except DomainError as error:
        messages.add_message(request, level(error), str(error.detail))
    else:
        messages.success(request, _("The money is booked. The order goes on in a moment."))
    return redirect("storefront:order", order_id)


def _steerings(request: HttpRequest) -> list[tuple[str, Text]]:
    """List what this manager may do with a stuck leg; whether its state allows it is for the service to say."""
    is_admin = "admin" in get_actor(request).roles
    return [(code, name) for code, name in wording.STEERINGS.items() if code != "skip" or is_admin]


def _build_stamp(stuck: Stuck) -> str:
    return ".".join([*(f"{queue.url}{queue.count}" for queue in stuck.queues), *stuck.silent, str(stuck.is_partial)])


def _require_staff(request: HttpRequest) -> None:
    user: Any = request.user
    if not user.is_staff:
        raise PermissionDenied


def _told(request: HttpRequest, status: int, code: str, text: str, **extra: Any) -> HttpResponse:
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"code": code, "detail": text} | extra, status=status)
    (messages.error if code else messages.success)(request, text)
    return redirect("storefront:board")


def _stamp(found: public.Board) -> str:
    """Changes whenever the board looks otherwise."""
    cards = [*found.attention, *(card for column in found.columns for card in column.cards)]
    return "-".join(f"{card.number}.{card.version}.{card.step}.{'.'.join(card.attention)}" for card in cards)

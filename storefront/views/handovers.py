"""Arrange the hand-over of an order: its free times, the appointment, another time, calling it off, the file."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.clock import dealer_day, dealer_zone
from core.db import database_now
from core.errors import DomainError, NotFound
from core.outside.asking import PeerAway
from gateway.responses.calendars import send_calendar
from orders import public, services
from resources.public import HandoverSlot
from storefront.forms.visitors import new_key
from storefront.pages import page
from storefront.visitor import count, get_actor, send_once, user_id

DAYS = 14
"""Days ahead that the page offers."""
log = structlog.get_logger(__name__)


@page
@never_cache
@require_GET
def handover(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Choose a day, then a time; what is arranged stands above."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    order = _order(request, order_id)
    zone, today = dealer_zone(), dealer_day(timezone.now())
    days = [today + timedelta(days=offset) for offset in range(min(DAYS, settings.HANDOVER_DAYS_AHEAD))]
    slots, is_away = _read_slots(order_id, days)
    open_days = [day for day in days if day in slots]
    day = _read_day(request.GET.get("day", ""), open_days)
    context: dict[str, Any] = {
        "order": order,
        "days": open_days,
        "day": day,
        "slots": slots.get(day, []) if day else [],
        "zone": zone,
        "is_away": is_away,
        "key": new_key(),
        "change_hours": settings.HANDOVER_CHANGE_HOURS,
    }
    shown = show_handover(order_id, order.status)
    answer = render(request, "storefront/handover.html", context | shown)
    if shown["booking"]:
        answer["Refresh"] = "3"  # a place answers within seconds, and this page hears no feed
    return answer


def show_handover(order_id: UUID, status: str) -> dict[str, Any]:
    """Return what a page shows of an order's appointment: the one that stands, the one being booked, a refusal."""
    newest = public.find_newest(order_id)
    found = public.find_appointment(order_id) if newest else None
    return {
        "may_arrange": status in ("paid", "in_progress", "ready"),
        "handover": found if found and found.state == "confirmed" else None,
        "booking": newest if newest and newest.state == "asked" else None,
        "failed": newest if newest and newest.state in ("refused", "lost") else None,
    }


@page
@require_POST
@login_required
def book_handover(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Ask for the time that was chosen; the form's key makes a second click harmless."""
    _order(request, order_id)
    start = _read_moment(request.POST.get("start", ""))
    if start is None:
        messages.error(request, _("Choose a time."))
        return redirect("storefront:handover", order_id)

    def act() -> HttpResponse:
        count(request, "messages")
        services.ask_handover(order_id=order_id, start=start, actor=get_actor(request), now=database_now("orders"))
        messages.success(request, _("We are keeping this time for you: it takes a moment."))
        return redirect("storefront:handover", order_id)

    return _try(request, order_id, lambda: send_once(request, "orders", "handover", act))


@page
@require_POST
@login_required
def cancel_handover(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Call the appointment off."""
    _order(request, order_id)

    def act() -> HttpResponse:
        try:
            services.cancel_handover(order_id=order_id, actor=get_actor(request), now=database_now("orders"))
        except NotFound:
            return _say_nothing_is_arranged(request, order_id)
        messages.success(request, _("The hand-over is called off. You can choose another time."))
        return redirect("storefront:handover", order_id)

    return _try(request, order_id, act)


@page
@never_cache
@require_GET
@login_required
def handover_file(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The appointment for one's own calendar."""
    order, found = _order(request, order_id), public.find_appointment(order_id)
    if found is None:
        return _say_nothing_is_arranged(request, order_id)
    title = _("Hand-over of order %(number)s") % {"number": order.number}
    return send_calendar(public.handover_calendar(found, order.number, title))


def _say_nothing_is_arranged(request: HttpRequest, order_id: UUID) -> HttpResponse:
    messages.error(request, _("No time is arranged yet."))
    return redirect("storefront:handover", order_id)


def _try(request: HttpRequest, order_id: UUID, act: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return act()
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, str(error.detail))
    except (DatabaseError, PeerAway) as error:
        log.warning("handover_unasked", order_id=str(order_id), error=repr(error))
        messages.error(request, _("The calendar does not answer now. Please try again in a moment."))
    return redirect("storefront:handover", order_id)


def _order(request: HttpRequest, order_id: UUID) -> public.OrderDocument:
    found = public.get_order(order_id, viewer_id=user_id(request), is_staff=get_actor(request).is_staff)
    if found is None:
        raise NotFound
    return found


def _read_slots(order_id: UUID, days: list[date]) -> tuple[dict[date, list[HandoverSlot]], bool]:
    """The free times by day, and whether they could not be read."""
    try:
        found = public.list_slots(order_id, days[0], len(days), now=timezone.now())
    except (DatabaseError, PeerAway) as error:
        log.warning("handover_slots_unread", order_id=str(order_id), error=repr(error))
        return {}, True
    by_day: dict[date, list[HandoverSlot]] = {}
    for slot in found:
        by_day.setdefault(dealer_day(slot.start_time), []).append(slot)
    return by_day, False


def _read_day(text: str, days: list[date]) -> date | None:
    return next((day for day in days if day.isoformat() == text), days[0] if days else None)


def _read_moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None

"""Happenings and test drives: what there is, and what a visitor has booked of it."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, NotFound
from payments.commands import Means
from resources.public import free_slots_of_car
from showroom import public, services
from showroom.models import DriveCar
from storefront.forms.visitors import DriveForm, SeatForm, new_key
from storefront.pages import page
from storefront.visitor import count, required_uuid, send_once, user_id

DRIVE = timedelta(minutes=60)
STEP = timedelta(minutes=30)
DAYS = 14
"""Days ahead that the page offers."""


@never_cache
@require_GET
def happenings(request: HttpRequest) -> HttpResponse:
    return render(request, "storefront/happenings.html", {"happenings": public.upcoming_happenings(now=timezone.now())})


@page
@never_cache
@require_GET
def happening(request: HttpRequest, happening_id: UUID) -> HttpResponse:
    found = public.find_happening(happening_id)
    if found is None:
        raise NotFound
    mine = public.find_registration(happening_id, user_id(request)) if request.user.is_authenticated else None
    context = {
        "happening": found,
        "mine": mine,
        "is_over": found.ends_at <= timezone.now(),
        "zone": ZoneInfo(found.time_zone),
        "form": SeatForm(),
        "key": new_key(),
    }
    return render(request, "storefront/happening.html", context)


@page
@require_POST
@login_required
def register(request: HttpRequest, happening_id: UUID) -> HttpResponse:
    return _try(
        request,
        lambda: services.register(happening_id=happening_id, user_id=user_id(request), now=timezone.now()),
        "storefront:happening",
        happening_id,
    )


@page
@require_POST
@login_required
def accept_seat(request: HttpRequest, happening_id: UUID) -> HttpResponse:
    return _try(
        request,
        lambda: services.accept_offer(
            happening_id=happening_id,
            registration_id=_mine(request, happening_id),
            user_id=user_id(request),
            now=timezone.now(),
        ),
        "storefront:happening",
        happening_id,
    )


@page
@require_POST
@login_required
def give_up_seat(request: HttpRequest, happening_id: UUID) -> HttpResponse:
    return _try(
        request,
        lambda: services.cancel_registration(
            happening_id=happening_id,
            registration_id=_mine(request, happening_id),
            user_id=user_id(request),
            now=timezone.now(),
        ),
        "storefront:happening",
        happening_id,
    )


@page
@require_POST
@login_required
def pay_seat(request: HttpRequest, happening_id: UUID) -> HttpResponse:
    """Pay for one's seat; the form's key makes a second click lead to the same payment."""
    form = SeatForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose how to pay."))
        return redirect("storefront:happening", happening_id)

    def act() -> HttpResponse:
        services.pay_seat(
            happening_id=happening_id,
            registration_id=_mine(request, happening_id),
            user_id=user_id(request),
            means=Means(**form.payment()),
            now=timezone.now(),
        )
        return redirect("storefront:happening", happening_id)

    return _try(
        request,
        lambda: send_once(request, "showroom", "seat", act),
        "storefront:happening",
        happening_id,
    )


@never_cache
@require_GET
def test_drives(request: HttpRequest) -> HttpResponse:
    """Choose a car, then a day, then a time; below, what one has booked."""
    return _drives_page(request, request.GET, DriveForm(initial={"phone": _known_phone(request)}))


def _known_phone(request: HttpRequest) -> str:
    return str(getattr(request.user, "phone", ""))


def _drives_page(request: HttpRequest, asked: Mapping[str, Any], form: DriveForm, *, status: int = 200) -> HttpResponse:
    cars = public.test_drive_cars()
    car = next((one for one in cars if str(one.resource_id) == asked.get("car")), cars[0] if cars else None)
    context: dict[str, Any] = {"cars": cars, "car": car, "drives": [], "form": form}
    if car is not None:
        zone = ZoneInfo(car.time_zone)
        today = timezone.now().astimezone(zone).date()
        day = _day(str(asked.get("day", "")), today)
        days = [today + timedelta(days=offset) for offset in range(DAYS)]
        context |= {"zone": zone, "day": day, "days": days, "slots": _slots(car, day, zone)}
    if request.user.is_authenticated:
        context["drives"] = public.list_drives(user_id(request))
    return render(request, "storefront/test_drives.html", context, status=status)


@page
@require_POST
@login_required
def book_drive(request: HttpRequest) -> HttpResponse:
    """Book the time that was chosen; without one, or with a phone that is none, the page says so."""
    form = DriveForm(request.POST)
    if not form.is_valid():
        return _drives_page(request, request.POST.dict(), form, status=400)
    car_id = required_uuid(request.POST.get("car", ""))

    def act() -> None:
        count(request, "order_create")
        services.request_drive(
            user_id=user_id(request),
            car_id=car_id,
            start=form.cleaned_data["start"],
            end=form.cleaned_data["start"] + DRIVE,
            contact=services.Contact(phone=form.cleaned_data["phone"]),
            now=timezone.now(),
        )
        messages.success(request, _("We are booking the car for you: it takes a moment."))

    return _try(request, act, "storefront:test-drives")


@page
@require_POST
@login_required
def cancel_drive(request: HttpRequest, drive_id: UUID) -> HttpResponse:
    def act() -> None:
        services.cancel_drive(drive_id=drive_id, reason="", user_id=user_id(request), now=timezone.now())
        messages.success(request, _("The test drive is cancelled."))

    return _try(request, act, "storefront:test-drives")


def _try(request: HttpRequest, act: Callable[[], Any], target: str, *arguments: Any) -> HttpResponse:
    """Act and show the page again; what a service refuses is said on it."""
    try:
        act()
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect(target, *arguments)


def _mine(request: HttpRequest, happening_id: UUID) -> UUID:
    found = public.find_registration(happening_id, user_id(request))
    if found is None:
        raise NotFound
    return found.id


def _slots(car: DriveCar, day: date, zone: ZoneInfo) -> list[datetime]:
    start = datetime.combine(day, time(0), zone)
    end = datetime.combine(day + timedelta(days=1), time(0), zone)
    found = free_slots_of_car(car.resource_id, start, end, duration=DRIVE, step=STEP, now=timezone.now())
    return [slot[0] for slot in found]


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if today <= day < today + timedelta(days=DAYS) else today

"""A calendar of a month, a week or a day on the dealership's wall clock, for the manager screens."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from core.clock import dealer_zone

MAX_ENTRIES = 1_000
"""Entries drawn at once; beyond it the page says that there are more."""
VIEWS = {"month": _("Month"), "week": _("Week"), "day": _("Day")}


@dataclass(frozen=True)
class Entry:
    """Something over [start, end): its title, the page that shows it, and a tone (empty, `good`, `bad`, `muted`)."""

    start: datetime
    end: datetime
    title: str
    url: str
    tone: str = ""


@dataclass(frozen=True)
class Part:
    """Part of an entry that a day shows: its start and its end only where they fall on that day."""

    entry: Entry
    starts_here: bool
    ends_here: bool


@dataclass
class Day:
    """One day and what overlaps it, in order."""

    date: date
    is_today: bool
    is_outside: bool
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """Page that is shown: `view`, its first day, and the day after its last."""

    view: str
    chosen: date
    first: date
    end: date

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def earlier(self) -> date:
        """A day of the page before."""
        return self.first - timedelta(days=1) if self.view != "month" else self.chosen.replace(day=1) - timedelta(1)

    @property
    def later(self) -> date:
        """A day of the page after."""
        return self.end if self.view != "month" else (self.chosen.replace(day=28) + timedelta(days=4)).replace(day=1)


def parse_page(view: str, day: str, today: date) -> Page:
    """The page that a query asks for; nonsense asks for this month, or for today."""
    view = view if view in VIEWS else "month"
    try:
        chosen = date.fromisoformat(day)
        if not date(1900, 1, 1) <= chosen <= date(2200, 1, 1):
            chosen = today
    except ValueError:
        chosen = today
    first, length = chosen, 1
    if view == "week":
        first, length = chosen - timedelta(days=chosen.weekday()), 7
    elif view == "month":
        month = chosen.replace(day=1)
        first = month - timedelta(days=month.weekday())
        next_month = (month + timedelta(days=32)).replace(day=1)
        length = 7 * -(-(next_month - first).days // 7)
    return Page(view, chosen, first, first + timedelta(days=length))


def build_days(page: Page, entries: Iterable[Entry], zone: ZoneInfo, today: date) -> list[Day]:
    """The days of a page with the entries that overlap each, whatever length the clocks give a day."""
    days = []
    found = sorted(entries, key=lambda entry: (entry.start, entry.title))
    for offset in range((page.end - page.first).days):
        day = page.first + timedelta(days=offset)
        start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        is_outside = page.view == "month" and day.month != page.chosen.month
        inside = [
            Part(entry, entry.start >= start, entry.end <= end)
            for entry in found
            if entry.start < end and entry.end > start
        ]
        days.append(Day(day, day == today, is_outside, inside))
    return days


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant a day begins on the wall clock of a zone."""
    return datetime.combine(day, time(0), zone)


class CalendarAdmin(ModelAdmin):
    """A manager screen with a calendar beside its list; `calendar_entries` says what stands in it."""

    actions_list = ["calendar"]

    @abstractmethod
    def calendar_entries(self, request: HttpRequest, start: datetime, end: datetime) -> Iterable[Entry]:
        """Up to MAX_ENTRIES + 1 entries that overlap [start, end)."""

    @action(description=_("Calendar"), url_path="calendar", permissions=["view"])
    def calendar(self, request: HttpRequest) -> HttpResponse:
        """Show a month, a week or a day."""
        zone = dealer_zone()
        today = timezone.now().astimezone(zone).date()
        page = parse_page(request.GET.get("view", "month"), request.GET.get("date", ""), today)
        start, end = midnight(page.first, zone), midnight(page.end, zone)
        entries = list(self.calendar_entries(request, start, end))
        days = build_days(page, entries[:MAX_ENTRIES], zone, today)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": self.model._meta.verbose_name_plural,
            "opts": self.model._meta,
            "page": page,
            "weeks": [days[start : start + 7] for start in range(0, len(days), 7)],
            "views": VIEWS,
            "today": today,
            "zone": settings.DEALER_TIME_ZONE,
            "is_cut": len(entries) > MAX_ENTRIES,
        }
        with timezone.override(zone):
            return TemplateResponse(request, "admin/calendar.html", context).render()

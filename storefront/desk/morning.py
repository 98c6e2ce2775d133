"""Compose the first page of the admin: how the day stands, each figure by the rights of who looks, and its list."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import structlog
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.public.morning import BOUNDS, read_stock
from core.clock import day_begins, day_ends, dealer_day, dealer_zone
from core.outside.asking import PeerAway
from core.screens.base import money_text
from financing.public import count_under_review
from gateway.approvals.reading import Reader
from insurance.public import count_undecided
from orders.public import handovers_between, read_morning, waiting_buyers
from payments.public import read_money_in
from showroom.public import drives_between
from storefront.shown import wording
from storefront.shown.stuck import read_stuck
from storefront.visitor import get_reader

log = structlog.get_logger(__name__)
CAP = 100
SHOWN = 12
"""Rows of a card; the rest is in its list."""


@dataclass(frozen=True)
class Figure:
    """One figure of the page: its name, its value as it is read, and the list it is about."""

    name: str
    value: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """One row of a plot: `percent` of the longest."""

    name: str
    value: str
    percent: int
    url: str = ""


@dataclass(frozen=True)
class Section:
    """A card of the page; `is_away` when its app did not answer. `plot` is the data of a chart, as JSON."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    plot: str = ""
    plot_name: str = ""
    empty: str = ""
    is_away: bool = False


@dataclass(frozen=True)
class Look:
    """One look at the page: when, and whose."""

    now: datetime
    reader: Reader


Read = Callable[[Look], Section]


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the page's sections to the admin's index; one whose app is away says so and breaks no other."""
    look = Look(timezone.now(), get_reader(request))
    seen = [(title, read) for title, right, read in SECTIONS if request.user.has_perm(right)]
    return context | {"morning": [_read(title, read, look) for title, read in seen], "today": dealer_day(look.now)}


def _read(title: Promise, read: Read, look: Look) -> Section:
    try:
        return read(look)
    except (DatabaseError, PeerAway) as error:
        log.warning("morning_unread", section=str(title), error=repr(error))
        return Section(str(title), is_away=True)


def _list(screen: str, **wanted: Any) -> str:
    query = urlencode({name: value.isoformat() if isinstance(value, date) else value for name, value in wanted.items()})
    return reverse(f"admin:{screen}_changelist") + (f"?{query}" if query else "")


def _roubles(amount: Decimal) -> str:
    return money_text(amount, "RUB").rpartition(formats.get_format("DECIMAL_SEPARATOR"))[0] + "\u00a0₽"


def _capped(count: int, cap: int = CAP) -> str:
    return _("%(count)s and more") % {"count": cap} if count >= cap else str(count)


def _draw(name: str, days: list[tuple[date, float]]) -> str:
    labels = [formats.date_format(day, "j E") for day, _value in days]
    drawn = {"label": name, "data": [value for _day, value in days], "backgroundColor": "var(--color-primary-600)"}
    return json.dumps({"labels": labels, "datasets": [drawn]})


def read_sales(look: Look) -> Section:
    """Sales of today, the week and thirty days, and the orders of each day."""
    found = read_morning(now=look.now)
    names = (_("Today"), _("7 days"), _("30 days"))
    figures = [
        Figure(
            name,
            _roubles(one.amount),
            _list("orders_order", created_at__gte=day_begins(one.since)),
            _("%(sold)s sold of %(placed)s placed") % {"sold": one.sold, "placed": one.placed},
        )
        for name, one in zip(names, found.periods, strict=True)
    ]
    figures.append(Figure(_("By day, manager, make and kind"), "→", reverse("admin:orders_order_sales_figures")))
    days = [(day, float(count)) for day, count, _amount in found.days]
    return Section(_("Sales"), figures, plot=_draw(_("orders placed"), days), plot_name=_("Orders placed by day"))


def read_funnel(look: Look) -> Section:
    """Open orders on their way from the first step to the handover."""
    found = read_morning(now=look.now)
    rows = [
        (str(wording.STATUSES[status].name), count, _list("orders_order", status__exact=status))
        for status, count in found.standing
    ]
    handed = (_("Handed over in 30 days"), found.handed_over, _list("orders_order", status__exact="completed"))
    return Section(_("Orders under way"), bars=_draw_bars([*rows, handed], cap=1_000))


def _draw_bars(rows: list[tuple[str, int, str]], *, cap: int) -> list[Bar]:
    longest = max((count for _name, count, _url in rows), default=0) or 1
    return [Bar(name, _capped(count, cap), round(100 * count / longest), url) for name, count, url in rows]


def read_money(look: Look) -> Section:
    """Money that came in, less what went back of it."""
    found, today = read_money_in(now=look.now), dealer_day(look.now)
    note = _("only the newest payments are added up") if found.is_cut else ""
    figures = [
        Figure(
            name,
            _roubles(found.total(days)),
            _list("payments_payment", created_at__gte=day_begins(today - timedelta(days=days - 1))),
            note,
        )
        for name, days in ((_("Today"), 1), (_("7 days"), 7), (_("30 days"), 30))
    ]
    days = [(day, float(amount)) for day, amount in found.days]
    return Section(_("Money in"), figures, plot=_draw(_("roubles"), days), plot_name=_("Money in by day, ₽"))


def read_lot(look: Look) -> Section:
    """Cars on sale: how many, for how much, and how long they have stood."""
    found = read_stock()
    cars = _list("catalog_product", kind__exact="vehicle", is_active__exact=1)
    note = _("the newest alone are counted") if found.is_cut else ""
    figures = [
        Figure(_("Cars on sale"), str(found.count), cars, note),
        Figure(_("At list price"), _roubles(found.value), cars),
    ]
    low, middle, high = BOUNDS
    names = (
        _("up to %(days)s days") % {"days": low},
        *(_("%(low)s to %(high)s days") % {"low": a, "high": b} for a, b in ((low, middle), (middle, high))),
        _("over %(days)s days") % {"days": high},
    )
    today = dealer_day(look.now)
    edges = (today + timedelta(days=1), *(today - timedelta(days=days) for days in BOUNDS), None)
    rows = []
    for name, count, end, start in zip(names, found.ages, edges, edges[1:], strict=False):
        within = {"created_at__lt": day_begins(end).isoformat()} if end else {}
        within |= {"created_at__gte": day_begins(start).isoformat()} if start else {}
        rows.append((name, count, f"{cars}&{urlencode(within)}"))
    return Section(_("Stock by age"), figures, bars=_draw_bars(rows, cap=found.count + 1))


def read_waiting(look: Look) -> Section:
    """Everything that waits for a person; of what waits for a second one, as much as the reader may decide."""
    found = read_stuck(look.reader, now=look.now)
    figures = [Figure(str(queue.name), _capped(queue.count), queue.url) for queue in found.queues]
    return Section(_("Waits for somebody"), figures, empty=_("Nothing waits."))


def read_questions(look: Look) -> Section:
    """Buyers who wrote about their orders and wait for an answer, who waits longest first."""
    figures = [
        Figure(
            f"{one.number} {one.customer}".strip(),
            timesince(one.since, look.now, depth=1),
            reverse("storefront:order-messages", args=[one.order_id]),
            one.owner,
        )
        for one in waiting_buyers(limit=SHOWN)
    ]
    return Section(_("Questions to answer"), figures, empty=_("Nobody waits for an answer."))


def read_loans(look: Look) -> Section:
    """Loan applications that a manager has to decide."""
    url = _list("financing_application", status__exact="under_review")
    return Section(_("Loans"), [Figure(_("Applications to decide"), _capped(count_under_review()), url)])


def read_claims(look: Look) -> Section:
    """Claims that nobody has decided."""
    return Section(_("Claims"), [Figure(_("Claims to decide"), _capped(count_undecided()), _list("insurance_claim"))])


def read_drives(look: Look) -> Section:
    """Test drives of today, hour by hour."""
    today = dealer_day(look.now)
    figures = []
    for drive in drives_between(day_begins(today), day_ends(today)):
        told: dict[str, str] = getattr(drive, "known", None) or {}
        hour = formats.time_format(timezone.localtime(drive.starts_at, dealer_zone()), "H:i")
        note = ", ".join(filter(None, [told.get("name"), told.get("phone") or drive.phone, drive.get_status_display()]))
        page = reverse("admin:showroom_drive_change", args=[drive.pk])
        figures.append(Figure(f"{hour} {drive.car_name}", "", page, note))
    return Section(_("Test drives today"), figures, empty=_("Nothing today."))


def read_handovers(look: Look) -> Section:
    """Hand-overs of today, hour by hour."""
    today = dealer_day(look.now)
    figures = []
    for one in handovers_between(day_begins(today), day_ends(today)):
        hour = formats.time_format(timezone.localtime(one.starts_at, dealer_zone()), "H:i")
        note = ", ".join(filter(None, [one.customer, one.phone, one.location]))
        page = reverse("admin:orders_order_change", args=[one.order_id])
        figures.append(Figure(f"{hour} {one.goods}", one.number, page, note))
    return Section(_("Hand-overs today"), figures, empty=_("Nothing today."))


SECTIONS: tuple[tuple[Promise, str, Read], ...] = (
    (gettext_lazy("Sales"), "orders.view_order", read_sales),
    (gettext_lazy("Money in"), "payments.view_payment", read_money),
    (gettext_lazy("Waits for somebody"), "orders.view_order", read_waiting),
    (gettext_lazy("Questions to answer"), "orders.view_order", read_questions),
    (gettext_lazy("Orders under way"), "orders.view_order", read_funnel),
    (gettext_lazy("Stock by age"), "catalog.view_product", read_lot),
    (gettext_lazy("Test drives today"), "showroom.view_drive", read_drives),
    (gettext_lazy("Hand-overs today"), "orders.view_order", read_handovers),
    (gettext_lazy("Loans"), "financing.view_application", read_loans),
    (gettext_lazy("Claims"), "insurance.view_claim", read_claims),
)

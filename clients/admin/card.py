"""Compose the whole card of a client: what happened with them, their cars, and the ways to all of theirs."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import site
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clients.models import Activity, Client, Lead, Vehicle
from clients.queries import list_customer_ids
from core.money.wording import money_text

LATEST = 50
"""Steps of the timeline that a card shows; the rest is in the list."""
PLACES = (
    (_("Orders"), "orders_order", "customer_id"),
    (_("Payments"), "payments_payment", "customer_id"),
    (_("Loan applications"), "financing_application", "customer_id"),
    (_("Loans"), "financing_loan", "customer_id"),
    (_("Policies"), "insurance_policy", "customer_id"),
    (_("Claims"), "insurance_claim", "customer_id"),
    (_("Test drives"), "showroom_drive", "user_id"),
    (_("Seats at events"), "showroom_registration", "user_id"),
    (_("Papers"), "orders_issueddocument", "order__customer_id"),
    (_("Activity"), "clients_activity", "customer_id"),
)
"""Lists of a person's objects: the name, the screen, and the field that holds the person's id there."""
SALE_PAGE = "admin:orders_order_for"
_NAMED, _SUMS = ("number", "title", "car_name"), ("amount", "total_amount", "premium")
"""Values of a step that a line of the timeline repeats: what it is about, and the first sum there is."""
_CODE = re.compile(r"[a-z0-9_]*")


def read_card(request: HttpRequest, client: Client) -> dict[str, Any]:
    """Read what the page of a card shows besides the card itself, in four statements however much there was."""
    whose = list_customer_ids(client)
    steps = Activity.objects.filter(customer_id__in=whose).order_by("-occurred_at", "-id")[:LATEST]
    return {
        "sale": _find_sale(request, client),
        "places": _list_places(request, [str(one) for one in whose]),
        "steps": [(step, _describe(step)) for step in steps],
        "vehicles": Vehicle.objects.filter(customer_id__in=whose).order_by("-since", "-id")[:LATEST],
        "leads": Lead.objects.filter(client_id__in=whose).order_by("-id")[:LATEST],
    }


def _describe(step: Activity) -> str:
    """Write what a step is about, its sum and its reason, in words; codes of programs stand in the list alone."""
    data = step.data
    told = [str(data[name]) for name in _NAMED if data.get(name)]
    sums = [money_text(Decimal(data[name]), data.get("currency", "RUB")) for name in _SUMS if data.get(name)]
    reason = str(data.get("reason") or "")
    words = [] if _CODE.fullmatch(reason) else [reason]
    return step.description or " ".join([*told, *sums[:1], *words]).strip()


def _find_sale(request: HttpRequest, client: Client) -> str:
    """Return the page that makes an order or an offer for the client, where orders are served and may be seen."""
    may = any(
        str(model._meta.label_lower) == "orders.order" and own.has_view_permission(request)
        for model, own in site._registry.items()
    )
    return reverse(SALE_PAGE, args=[client.root_id]) if may and client.erased_at is None else ""


def _list_places(request: HttpRequest, whose: list[str]) -> list[tuple[Any, str]]:
    """Lists that this member of staff may open, each with the person's rows alone."""
    screens = {f"{model._meta.app_label}_{model._meta.model_name}": own for model, own in site._registry.items()}
    return [
        (name, f"{reverse(f'admin:{screen}_changelist')}?{urlencode({f'{field}__in': ','.join(whose)})}")
        for name, screen, field in PLACES
        if screen in screens and screens[screen].has_view_permission(request)
    ]

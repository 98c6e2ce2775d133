"""Answer the command search of the admin: people, cars and deals, each by the rights of who looks."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.contrib.admin import site
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import SearchResult

from catalog.public.finding import find_goods
from clients.public import find_clients, find_leads, find_owners
from core.screens.found import Found
from orders.public import find_orders

SHORTEST, LONGEST = 2, 100
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Kind:
    """Something that is looked for: who may, what finds it, the page of a find, and how it is shown."""

    name: Promise
    right: str
    find: Callable[[str], list[Found]]
    page: str
    icon: str


KINDS = (
    Kind(_("client"), "clients.view_client", find_clients, "admin:clients_client_person", "person"),
    Kind(_("order"), "orders.view_order", find_orders, "admin:orders_order_change", "receipt_long"),
    Kind(_("client's car"), "clients.view_vehicle", find_owners, "admin:clients_client_person", "directions_car"),
    Kind(_("goods"), "catalog.view_product", find_goods, "admin:catalog_product_change", "inventory_2"),
    Kind(_("enquiry"), "clients.view_lead", find_leads, "admin:clients_lead_change", "call"),
)


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """Everything that a member of staff may see of what the term names; an app that is away finds nothing."""
    told = " ".join(term.split())[:LONGEST]
    if len(told) < SHORTEST:
        return []
    return [
        SearchResult(title=one.title, description=f"{kind.name}: {one.detail}", link=_point(kind, one), icon=kind.icon)
        for kind in KINDS
        if request.user.has_perm(kind.right)
        for one in _ask(kind, told)
    ]


def _point(kind: Kind, one: Found) -> str:
    return reverse(kind.page, args=[one.id])


def _ask(kind: Kind, term: str) -> list[Found]:
    try:
        return kind.find(term)
    except DatabaseError as error:
        log.warning("search_unanswered", right=kind.right, error=repr(error))
        return []


def search(request: HttpRequest) -> HttpResponse:
    """Names of lists, and for the command search what `find` answers; nothing is kept, since it tells of people.

    Stands where the admin's own view would, which keeps answers for five minutes, whoever is erased meanwhile.
    """
    began, term = time.time(), request.GET.get("s", "").strip()
    if not term:
        return HttpResponse()
    is_command = "extended" in request.GET
    lists = site._search_apps(site.get_app_list(request), term.lower())  # type: ignore[attr-defined]
    results = [*(find(request, term) if is_command else []), *lists]
    pages = Paginator(results, max(len(results), 1))
    context = {
        "page_obj": pages,
        "results": pages.page(1),
        "page_counter": 0,
        "execution_time": time.time() - began,
        "command_show_history": False,
    }
    template = "unfold/helpers/command_results.html" if is_command else "unfold/helpers/search_results.html"
    return TemplateResponse(request, template, context, headers={"HX-Trigger": "search", "Cache-Control": "no-store"})

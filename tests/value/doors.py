"""Every door by which staff change something: endpoints, pages of the board, the administration, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.core.management import get_commands
from django.urls import URLResolver, get_resolver

from gateway.approvals import kinds
from tests.permissions import table

HARMLESS = Path(__file__).with_name("harmless.txt")
STAFFS_WORDS = ("manager", "admin", "own", "own or admin", "signed in", "public or staff")
"""Words of the table of permissions by which staff may do something to what is others'."""


def declared() -> set[str]:
    """Doors that the declarations name, ids and all else that varies as `{}`."""
    return {re.sub(r"\{[^}]*\}", "{}", door) for kind in kinds() for door in kind.doors}


def doors() -> set[str]:
    """Every door there is."""
    return {*_endpoints(), *_pages(), *_screens(), *_commands()}


def harmless() -> dict[str, str]:
    """Doors by which nothing of value leaves, and why, as harmless.txt tells them under its headings."""
    found, why = {}, ""
    for line in HARMLESS.read_text().splitlines():
        if line.startswith("# "):
            why = line[2:]
        elif line:
            found[line] = why
    return found


def _endpoints() -> Iterator[str]:
    for row in table.rows():
        if row.method != "GET" and row.word in STAFFS_WORDS:
            yield f"{row.method} {row.path}"


def _pages(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    for item in (resolver or get_resolver("storefront.urls")).url_patterns:
        path = prefix + str(item.pattern)
        if path.startswith("board/") and "<" in path:
            yield f"POST /{re.sub(r'<[^>]*>', '{}', path)}"


def _screens() -> Iterator[str]:
    for model, screen in admin.site._registry.items():
        label = f"{model._meta.app_label}.{model._meta.model_name}"
        if model._meta.app_label not in settings.SERVICES:
            continue
        actions = [*screen.actions, *screen.actions_detail, *screen.actions_list, *screen.actions_row]
        for action in actions:
            yield f"admin {label}: {getattr(action, '__name__', action)}"
        own = {name for cls in type(screen).__mro__ if _is_ours(cls) for name in vars(cls)}
        if own & {"save_model", "changeform_view", "add_view", "change_view"}:
            yield f"admin {label}: add"
            yield f"admin {label}: change"
        if "delete_model" in own:
            yield f"admin {label}: delete"


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in settings.SERVICES


def _commands() -> Iterator[str]:
    for name, app in get_commands().items():
        if str(app).partition(".")[0] in (*settings.SERVICES, "config", "gateway", "messaging", "sandbox"):
            yield f"manage.py {name}"

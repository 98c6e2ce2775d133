"""Screen × caller: every row of tests/permissions/screens.py is executed, and every screen has one."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver, reverse

from config.databases import APPS
from core.ids import uuid7
from storefront.tests.make import Visitor
from tests.permissions.screens import Screen, screens

pytestmark = pytest.mark.django_db(databases=APPS)
OUTSIDE = ("anonymous", "client", "staff who owe a factor")
KINDS = ("actions_list", "actions_detail", "actions_row", "actions_submit_line")


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False


@pytest.fixture
def people():
    return {
        "anonymous": Visitor(),
        "client": Visitor("client"),
        "staff who owe a factor": Visitor("manager"),
        "manager": Visitor("manager"),
        "admin": Visitor("admin"),
    }


def may(word: str, role: str) -> bool:
    return role == word or (role, word) == ("admin", "manager")


def get_screen(row: Screen):
    return admin.site.get_model_admin(apps.get_model(row.model))


def test_every_screen_has_a_row():
    assert sorted(row.model for row in screens()) == sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.parametrize("row", screens(), ids=lambda row: row.model)
def test_every_screen_is_as_the_table_says(row, people, settings):
    page = f"/admin/{row.model.replace('.', '/')}/"
    for name, visitor in people.items():
        settings.MFA_REQUIRED_FOR_STAFF = name == "staff who owe a factor"
        for address, word in ((page, row.look), (f"{page}add/", row.add)):
            answer = visitor.get(address)
            if name in OUTSIDE:
                assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/"), (name, address)
            else:
                assert answer.status_code == (200 if may(word, name) else 403), (name, address)


@pytest.mark.parametrize("row", screens(), ids=lambda row: row.model)
def test_its_forms_and_buttons_are_as_the_table_says(row, people):
    screen = get_screen(row)
    for role in ("manager", "admin"):
        request = RequestFactory().get("/admin/")
        request.user = people[role].user
        assert screen.has_change_permission(request) == may(row.change, role), role
        assert screen.has_delete_permission(request) == may(row.delete, role), role
    named = {str(name) for kind in KINDS for name in getattr(screen, kind, ())}
    assert {*screen.get_actions(request), *named} == row.buttons


@pytest.mark.parametrize("row", screens(), ids=lambda row: row.model)
def test_nobody_presses_a_button_from_outside(row, people, settings):
    """Whoever may not look may not act: by the list's actions, and by each button's own address."""
    label, screen = row.model.replace(".", "_"), get_screen(row)
    urls = [url for url in screen.get_urls() if isinstance(url, URLPattern) and url.name]
    wanted = [f"/admin/{row.model.replace('.', '/')}/"]
    for url in urls:
        ids = [uuid7()] * len(url.pattern.converters or url.pattern.regex.groupindex)
        wanted.append(reverse(f"admin:{url.name}", args=ids))
    assert f"{label}_changelist" in {url.name for url in urls}
    outside = (*OUTSIDE, "manager") if row.look == "admin" else OUTSIDE
    for name in outside:
        settings.MFA_REQUIRED_FOR_STAFF = name == "staff who owe a factor"
        for address in wanted:
            for action in sorted(row.buttons) or [""]:
                answer = people[name].post(address, action=action, _selected_action=str(uuid7()))
                is_outside = answer.status_code in (403, 405) or (
                    answer.status_code == 302 and answer["Location"].split("?")[0] in ("/admin/login/", "/admin/")
                )
                assert is_outside, f"{name} {address} {action}: {answer.status_code}"


def test_no_other_page_of_the_admin_lets_anybody_in(people):
    """Check what the site itself offers: everything but signing in and out wants staff."""
    own = [route for route in admin.site.get_urls() if isinstance(route, URLPattern)]
    open_to_all = {"login", "logout", "jsi18n"}
    for route in own:
        if route.name in {*open_to_all, "view_on_site"} or route.name is None:
            continue
        ids = ["accounts"] if route.name == "app_list" else []
        answer = people["client"].get(reverse(f"admin:{route.name}", args=ids))
        assert answer.status_code == 302, route.name
        assert answer["Location"].startswith("/admin/login/"), route.name
    assert get_resolver().namespace_dict["admin"][0] == "admin/"

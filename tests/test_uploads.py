"""Uploads: which addresses take files, how much each takes, and that strangers' files are never read."""

import inspect

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.parsers import MultiPartParser

from catalog.admin.gallery import AT_ONCE, GalleryScreen
from core.ids import uuid7
from core.importing.screens import ImportScreen
from core.testing import Api
from gateway.guards.uploads import limit_at
from storefront.tests.conftest import quick
from storefront.tests.make import Visitor

__all__ = ["quick"]
MULTIPART = "multipart/form-data; boundary=x"
MIB = 1 << 20


class Unread:
    """A body that nobody may touch."""

    def read(self, *args):
        raise AssertionError("the body was read")

    readline = read


def send(client, path, size, kind=MULTIPART, **extra):
    unread = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(size)}
    return client.generic("POST", path, "x", content_type=kind, **unread, **extra)


def paths(resolver, namespaces=()):
    for item in resolver.url_patterns:
        if isinstance(item, URLResolver):
            yield from paths(item, (*namespaces, item.namespace) if item.namespace else namespaces)
        else:
            yield ":".join((*namespaces, item.name or "")), item.callback


def takes_files(view):
    api = getattr(view, "cls", None)
    if api is not None:
        parsers = view.initkwargs.get("parser_classes", api.parser_classes)
        return MultiPartParser in parsers and "post" in (getattr(view, "actions", None) or {})
    if isinstance(getattr(view, "model_admin", None), GalleryScreen):
        return getattr(view, "original_function_name", "") == "photos"
    inner = inspect.unwrap(view)
    screen = getattr(inner, "model_admin", None) or getattr(inner, "__self__", None)
    if isinstance(screen, ImportScreen):
        return inner.__name__ == "add_view"
    return inner.__module__.startswith("storefront") and ".FILES" in inspect.getsource(inner)


def test_every_view_that_takes_files_has_a_limit_and_no_other_does():
    assert {name for name, view in paths(get_resolver()) if takes_files(view)} == set(settings.UPLOADS)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/sign-in/", MIB),
        ("/nowhere", MIB),
        ("/api/v1/orders", MIB),
        ("/api/v1/imports", 257 * MIB),
        ("/api/v1/imports/", 257 * MIB),
        (f"/credit/applications/{uuid7()}/papers/", 11 * MIB),
        (f"/insurance/claims/{uuid7()}/papers/", 101 * MIB),
        (f"/api/v1/products/{uuid7()}/images", 21 * MIB),
        (f"/admin/catalog/product/{uuid7()}/photos/", (1 + 20 * AT_ONCE) * MIB),
    ],
)
def test_an_address_takes_as_much_as_its_files_need(path, limit):
    assert limit_at(path, MULTIPART) == limit
    assert limit_at(path, "application/json") == MIB


@pytest.mark.parametrize("kind", [MULTIPART, "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", ["/sign-in/", "/", "/admin/login/", "/language/"])
def test_a_large_form_is_refused_unread_where_no_files_are_taken(path, kind):
    assert send(Client(enforce_csrf_checks=True), path, MIB + 1, kind).status_code == 413


def test_a_large_body_is_refused_unread_by_the_api():
    answer = send(Api("client").client, "/api/v1/auth/login", 150 * MIB)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.django_db(databases=["accounts"])
@pytest.mark.parametrize(
    ("path", "door"),
    [
        (f"/insurance/claims/{uuid7()}/papers/", "/sign-in/"),
        (f"/credit/applications/{uuid7()}/papers/", "/sign-in/"),
        ("/admin/catalog/import/add/", "/admin/login/"),
        (f"/admin/catalog/product/{uuid7()}/photos/", "/admin/login/"),
        ("/admin/clients/clientimport/add/", "/admin/login/"),
    ],
)
def test_a_strangers_file_is_not_read(path, door):
    client = Client(enforce_csrf_checks=True, REMOTE_ADDR="127.63.0.1")
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    answer = send(client, path, 5 * MIB)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, door)


@pytest.mark.django_db(databases=["accounts"])
def test_a_clients_file_is_not_read_where_staff_send_theirs():
    answer = send(Visitor("client").client, "/admin/catalog/import/add/", 5 * MIB)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize(
    "path",
    [
        "/imports",
        "/clients/imports",
        f"/products/{uuid7()}/images",
        f"/insurance/claims/{uuid7()}/documents",
        f"/financing/applications/{uuid7()}/documents",
    ],
)
def test_a_strangers_file_is_not_read_by_the_api(path):
    answer = send(Client(REMOTE_ADDR="127.63.0.2"), f"/api/v1{path}", 5 * MIB)
    assert answer.status_code == 401

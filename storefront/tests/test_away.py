"""Show a visitor, while something is broken, a page of ours that says when to come back."""

import pytest
from django.db import InterfaceError, OperationalError

from core.errors import Unavailable
from core.postgres.breakers import DatabaseAway
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog"])
WORDS = "This page is in the workshop"


@pytest.fixture
def failing(monkeypatch):
    """Let the front page's view raise."""

    def fail(error):
        def latest(*_, **__):
            raise error

        monkeypatch.setattr("catalog.public.latest", latest)

    return fail


@pytest.mark.parametrize("error", [DatabaseAway(), OperationalError(), InterfaceError(), Unavailable()])
@pytest.mark.parametrize("debug", [True, False])
def test_a_database_that_is_away_is_a_page_with_a_time_to_come_back(failing, settings, error, debug):
    settings.DEBUG = debug
    failing(error)
    response = Visitor().get("/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"].startswith("text/html")
    assert WORDS in response.content.decode()
    assert "unsafe" not in response["Content-Security-Policy"]


def test_what_breaks_outside_of_the_view_is_the_same_page(settings, monkeypatch):
    settings.DEBUG = False

    def away(*_):
        raise DatabaseAway

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_request", away)
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    response = visitor.client.get("/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_any_other_error_is_the_page_of_a_breakdown(failing, settings):
    settings.DEBUG = False
    failing(ZeroDivisionError())
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    response = visitor.client.get("/")
    assert response.status_code == 500
    assert "Retry-After" not in response
    assert WORDS not in response.content.decode()

"""A cursor that nobody issued is refused in words by every list, whatever its position claims to be."""

import base64
from urllib.parse import quote

import pytest
from django.conf import settings

from core.testing import Api
from tests.test_docs import routes

pytestmark = pytest.mark.django_db(databases=sorted(settings.DATABASES.keys() - {"default"}))
POSITIONS = (
    "p=%00",
    "p=",
    "p=1",
    "r=1&p=1",
    "p=NaN",
    "p=x",
    "p=99999999999999999999999",
    "p=2026-13-45",
    "o=-1",
    "o=x&p=1",
)
CURSORS = [base64.b64encode(position.encode()).decode() for position in POSITIONS] + ["%%%", "é", "YQ", "=" * 9]


def lists():
    """Every collection that answers pages."""
    found = []
    for path, methods in routes():
        if "GET" in methods and "{}" not in path:
            found.append(path)
    return sorted(set(found))


@pytest.mark.parametrize("path", lists())
def test_a_made_up_cursor_is_a_bad_request(path, settings):
    settings.RATE_LIMITS_ON = False
    api = Api("admin")
    if not is_paged(api.get(path)):
        return
    for cursor in CURSORS:
        answer = api.get(f"{path}?cursor={quote(cursor)}")
        assert answer.status_code in (200, 400), (path, cursor, answer.content)
        if answer.status_code == 400:
            assert answer["Content-Type"] == "application/problem+json"


def is_paged(answer):
    if answer.status_code != 200 or "json" not in answer.get("Content-Type", ""):
        return False
    found = answer.json()
    return isinstance(found, dict) and {"next", "results"} <= found.keys()


def test_the_lists_are_found():
    assert {"/orders", "/products", "/payments", "/users"} <= set(lists())

"""Fast paths open nothing that DRF's way keeps closed, and answer as it does."""

from types import SimpleNamespace

import pytest
from rest_framework.request import Request

from core.ids import uuid7
from core.testing import Api
from gateway.api import ApiViewSet
from gateway.fast_path import routes

pytestmark = pytest.mark.django_db(databases=["catalog"], transaction=True)
READS = ["/products", "/products/facets", "/categories", "/categories?tree=true", "/products?ordering=price"]
REFUSED = [
    "/products?page_size=0", "/products?stauts=1", "/products?ordering=weight", "/products?cursor=x",
    "/products?kind=boat", "/products/facets?year_min=x", "/categories?tree=1&x=1", f"/products/{uuid7()}",
    f"/categories/{uuid7()}",
]  # fmt: skip


def public():
    """What is served to people without a token, past DRF's permissions."""
    return [(method, route) for (method, _), found in routes().items() for route in found if route.fast_path.is_public]


def test_public_ones_only_read_what_the_view_lets_anybody_read(rf):
    assert len(public()) >= 5
    for method, route in public():
        assert method == "GET", route.pattern.pattern
        view = route.view_class()
        view.action, view.request = route.fast_path.action.__name__, Request(rf.get("/"))
        refusing = [one for one in view.get_permissions() if not one.has_permission(view.request, view)]
        assert refusing == [], route.pattern.pattern
        assert getattr(view, "throttle_scopes", {}).get(view.action, "default") == route.fast_path.scope


@pytest.mark.parametrize("path", READS)
def test_reading_goes_past_drf(monkeypatch, path):
    monkeypatch.setattr(ApiViewSet, "dispatch", lambda *args, **kwargs: pytest.fail("this took DRF's way"))
    answer = Api().get(path)
    assert answer.status_code == 200
    assert answer["RateLimit-Remaining"]
    assert Api("client").get(path).content == answer.content


@pytest.mark.parametrize("path", [*READS, *REFUSED])
@pytest.mark.parametrize("role", ["", "client", "manager"])
def test_both_ways_say_the_same(settings, path, role):
    answers = []
    for is_on in (True, False):
        settings.FAST_PATH_ON = is_on
        told = Api(*filter(None, [role])).get(path, X_Request_ID="one", Accept_Language="ru")
        fixed = {name: value for name, value in told.items() if not name.startswith("RateLimit")}
        answers.append(SimpleNamespace(status=told.status_code, headers=fixed, content=told.content))
    fast, slow = answers
    assert (fast.status, fast.content) == (slow.status, slow.content)
    assert {name: fast.headers.get(name) for name in slow.headers if name not in VIEWS_OWN} == {
        name: value for name, value in slow.headers.items() if name not in VIEWS_OWN
    }


VIEWS_OWN = {"Allow"}
"""What DRF says of the view in each answer: of no use to who reads."""

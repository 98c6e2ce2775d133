"""Saved searches tell of new cars once; favourites are one's own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.events import UserDeleted
from catalog import services
from catalog.models import Favourite, SavedSearch
from catalog.plugin.personal import forget_person
from catalog.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog"])


def later(minutes=5):
    return timezone.now() + timedelta(minutes=minutes)


def test_a_saved_search_tells_of_what_is_new_and_fits_once():
    api = Api("client")
    make.product(make="BMW", model="X5")
    sent = api.post("/saved-searches", {"name": "An X5", "query": {"make": "bmw", "q": "x5", "price_max": "9000000"}})
    assert sent.status_code == 201, sent.content
    new = make.product(make="BMW", model="X5")
    make.product(make="BMW", model="X3", name="X3")
    make.product(make="BMW", model="X5", stock=0)
    with capture_events("catalog") as events:
        assert services.match_saved_searches(now=timezone.now()) == 0
        assert services.match_saved_searches(now=later()) == 1
        assert services.match_saved_searches(now=later(9)) == 0
    assert events == ["saved_search.matched"]
    told = OutboxEvent.objects.using("catalog").order_by("n").last().data
    assert (told["product_ids"], told["user_id"], told["name"]) == ([str(new.pk)], str(api.user_id), "An X5")


def test_one_that_does_not_tell_stays_silent():
    services.save_search(user_id=uuid7(), name="x", query={}, is_notifying=False, now=timezone.now())
    make.product()
    assert services.match_saved_searches(now=later()) == 0


@pytest.mark.parametrize("query", [{"colour": "red"}, {"year_min": "x"}, {"category": "7"}, {"name": "Rio"}])
def test_a_search_that_means_nothing_is_refused(query):
    assert Api("client").post("/saved-searches", {"name": "x", "query": query}).status_code == 400
    assert not SavedSearch.objects.exists()


def test_a_category_is_searched_with_all_below_it():
    cars = make.category("Cars")
    answer = Api("client").post("/saved-searches", {"name": "x", "query": {"category": str(cars.pk)}})
    assert answer.json()["query"] == {"category": str(cars.pk)}
    make.product(category_id=make.category("SUV", cars).pk)
    assert services.match_saved_searches(now=later()) == 1


def test_saved_searches_are_ones_own(monkeypatch):
    api, other = Api("client"), Api("client")
    saved = api.post("/saved-searches", {"name": "x", "query": {}}).json()
    assert [one["id"] for one in api.get("/saved-searches").json()["results"]] == [saved["id"]]
    assert other.get("/saved-searches").json()["results"] == []
    assert other.delete(f"/saved-searches/{saved['id']}").status_code == 404
    monkeypatch.setattr("catalog.services.saved.MOST_SEARCHES", 1)
    assert api.post("/saved-searches", {"name": "x", "query": {}}).json()["code"] == "too_much_saved"
    assert api.delete(f"/saved-searches/{saved['id']}").status_code == 204
    for method, path in (("get", "/saved-searches"), ("post", "/saved-searches"), ("get", "/favourites")):
        assert Api().request(method, path).status_code == 401


def test_favourites_are_kept_once_and_taken_off(django_assert_num_queries):
    api, car = Api("client"), make.product()
    for _ in range(2):
        assert api.post("/favourites", {"product_id": str(car.pk)}).status_code == 201
    assert Favourite.objects.count() == 1
    with django_assert_num_queries(1, using="catalog"):
        (shown,) = api.get("/favourites").json()["results"]
    assert shown["product"]["id"] == str(car.pk)
    assert Api("client").get("/favourites").json()["results"] == []
    assert Api("client").delete(f"/favourites/{car.pk}").status_code == 404
    assert api.delete(f"/favourites/{car.pk}").status_code == 204
    assert api.delete(f"/favourites/{car.pk}").status_code == 404
    assert api.post("/favourites", {"product_id": str(uuid7())}).status_code == 404
    assert api.post("/favourites", {}).status_code == 400


def test_what_is_new_is_counted_until_its_owner_looks():
    api = Api("client")
    saved = api.post("/saved-searches", {"name": "x", "query": {}, "is_notifying": False}).json()
    assert saved["new_count"] == 0
    for _ in range(2):
        make.product()
    assert services.match_saved_searches(now=later()) == 0
    assert api.get("/saved-searches").json()["results"][0]["new_count"] == 2
    assert Api("client").post(f"/saved-searches/{saved['id']}/look").status_code == 404
    assert Api().post(f"/saved-searches/{saved['id']}/look").status_code == 401
    for _ in range(2):
        assert api.post(f"/saved-searches/{saved['id']}/look").json()["new_count"] == 0
    services.match_saved_searches(now=later(9))
    assert api.get("/saved-searches").json()["results"][0]["new_count"] == 0


def test_erasing_a_person_takes_what_they_kept():
    api, other = Api("client"), Api("client")
    for caller in (api, other):
        caller.post("/saved-searches", {"name": "x", "query": {}})
        caller.post("/favourites", {"product_id": str(make.product().pk)})
    for _ in range(2):
        forget_person(UserDeleted(user_id=api.user_id))
    assert [one.user_id for one in SavedSearch.objects.all()] == [other.user_id]
    assert [one.user_id for one in Favourite.objects.all()] == [other.user_id]

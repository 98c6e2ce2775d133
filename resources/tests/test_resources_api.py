import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published
from resources.models import Resource, ResourceType
from resources.tests import make

pytestmark = pytest.mark.django_db(databases=["resources"])


def test_a_manager_adds_a_resource():
    kind, manager = make.kind(), Api("manager")
    body = {"name": "Meeting room", "type_id": str(kind.id), "quantity": 2, "description": "Second floor"}
    answer = manager.post("/resources", body, Idempotency_Key="k")
    assert answer.status_code == 201
    assert answer.json() | body | {"version": 1} == answer.json()
    assert manager.post("/resources", body, Idempotency_Key="k").json() == answer.json()
    assert manager.get(f"/resources/{answer.json()['id']}/").json() == answer.json()
    assert published("resources") == ["resource.created"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"type_id": str(uuid7())}, "type_id"),
        ({"type_id": "x"}, "type_id"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 10**9}, "quantity"),
        ({"quantity": "many"}, "quantity"),
    ],
)
def test_bad_resources_are_refused(change, field):
    body = {"name": "Room", "type_id": str(make.kind().id), "quantity": 1} | change
    answer = Api("manager").post("/resources", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not Resource.objects.exists()
    assert published("resources") == []


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/resources"),
        ("post", "/resources"),
        ("get", "/resources/{resource}"),
        ("put", "/resources/{resource}"),
        ("patch", "/resources/{resource}"),
        ("delete", "/resources/{resource}"),
        ("post", "/resources/{resource}/allocate"),
        ("get", "/resources/{resource}/availability"),
        ("get", "/resource-types"),
        ("post", "/resource-types"),
        ("get", "/resource-types/{kind}"),
        ("put", "/resource-types/{kind}"),
        ("patch", "/resource-types/{kind}"),
        ("delete", "/resource-types/{kind}"),
        ("get", "/allocations"),
        ("get", "/allocations/{allocation}"),
        ("post", "/allocations/{allocation}/release"),
    ],
)
def test_only_managers_come_near(who, status, method, path):
    resource = make.resource()
    allocation = make.allocation(resource, 0, 1)
    path = path.format(resource=resource.id, kind=resource.type_id, allocation=allocation.id)
    with capture_events("resources") as told:
        answer = who.request(method, path, None if method == "get" else {})
    assert (answer.status_code, told) == (status, [])
    resource.refresh_from_db()
    allocation.refresh_from_db()
    assert (resource.version, resource.deleted_at, allocation.released_at) == (1, None, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/resources/{id}"),
        ("put", "/resources/{id}"),
        ("delete", "/resources/{id}"),
        ("post", "/resources/{id}/allocate"),
        ("get", "/resources/{id}/availability"),
        ("get", "/resource-types/{id}"),
        ("delete", "/resource-types/{id}"),
        ("get", "/allocations/{id}"),
        ("post", "/allocations/{id}/release"),
    ],
)
@pytest.mark.parametrize("missing", [str(uuid7()), "-" * 36])
def test_missing_things_are_404(method, path, missing):
    written = {"name": "x", "type_id": str(uuid7())} if method == "put" else {}
    body = {"start_time": make.at(0), "end_time": make.at(1)} if path.endswith("allocate") else written
    answer = Api("manager").request(method, path.format(id=missing), None if method == "get" else body)
    assert answer.status_code == 404


def test_a_resource_is_changed_and_replaced():
    resource, manager = make.resource(description="Red"), Api("manager")
    answer = manager.patch(f"/resources/{resource.id}", {"name": "Granta"}, If_Match='"1"')
    assert (answer.json()["name"], answer.json()["description"], answer["ETag"]) == ("Granta", "Red", '"2"')
    assert manager.patch(f"/resources/{resource.id}", {"name": "Niva"}, If_Match='"1"').status_code == 412
    answer = manager.put(f"/resources/{resource.id}", {"name": "Niva", "type_id": str(resource.type_id)})
    assert (answer.json()["name"], answer.json()["description"]) == (
        "Niva",
        "Red",
    )  # a program that knows fewer fields empties none
    assert manager.patch(f"/resources/{resource.id}", {"name": "Niva"}).json()["version"] == 3
    assert published("resources") == ["resource.created", "resource.updated", "resource.updated"]


def test_the_quantity_never_falls_below_what_is_booked_ahead():
    resource = make.resource(quantity=3)
    bookings = [make.allocation(resource, 0, 2), make.allocation(resource, 1, 3), make.allocation(resource, 5, 6)]
    with capture_events("resources") as told:
        answer = Api("manager").patch(f"/resources/{resource.id}", {"quantity": 1})
    assert (answer.status_code, answer.json()["code"], told) == (409, "quantity_below_allocated", [])
    assert [clash["id"] for clash in answer.json()["clashes"]] == [str(booking.id) for booking in bookings[:2]]
    resource.refresh_from_db()
    assert resource.quantity == 3


def test_a_resource_with_bookings_ahead_stays():
    resource, manager = make.resource(), Api("manager")
    booking = make.allocation(resource, 0, 1)
    with capture_events("resources") as told:
        answer = manager.delete(f"/resources/{resource.id}")
    assert (answer.status_code, answer.json()["clashes"][0]["id"], told) == (409, str(booking.id), [])
    manager.post(f"/allocations/{booking.id}/release")
    assert manager.delete(f"/resources/{resource.id}").status_code == 204
    assert manager.get(f"/resources/{resource.id}").status_code == 404
    assert manager.get("/resources").json()["results"] == []


def test_types_have_unique_names_and_stay_while_used():
    manager, kind = Api("manager"), make.kind("Car")
    answer = manager.post("/resource-types", {"name": "Room"})
    assert (answer.status_code, answer.json()["name"]) == (201, "Room")
    assert manager.post("/resource-types", {"name": "CAR"}).json()["code"] == "resource_type_exists"
    assert manager.patch(f"/resource-types/{kind.id}", {"name": "room"}).json()["code"] == "resource_type_exists"
    assert manager.put(f"/resource-types/{kind.id}", {"name": "Auto"}).json()["version"] == 2
    resource = make.resource(type_id=kind.id)
    assert manager.delete(f"/resource-types/{kind.id}").json()["code"] == "resource_type_in_use"
    assert manager.delete(f"/resource-types/{answer.json()['id']}").status_code == 204
    assert set(ResourceType.objects.values_list("name", flat=True)) == {"Auto", resource.type.name}


def test_the_list_filters_and_orders():
    make.resource(name="Vesta")
    make.resource(name="Granta", type_id=make.kind("Truck").id)
    ask = lambda query: [row["name"] for row in Api("manager").get(f"/resources?{query}").json()["results"]]  # noqa: E731
    assert ask("") == ["Granta", "Vesta"]
    assert ask("ordering=-name") == ["Vesta", "Granta"]
    assert ask("search=RAN") == ask(f"type_id={make.kind('Truck').id}") == ["Granta"]


@pytest.mark.parametrize(
    "path",
    ["/resources?color=red", "/resources?from=2031-01-01T00:00:00Z", "/allocations?ordering=x", "/allocations?from=x"],
)
def test_a_bad_list_query_is_400(path):
    assert Api("manager").get(path).status_code == 400


@pytest.mark.parametrize("path", ["/resources", "/allocations", "/resource-types"])
def test_a_page_costs_the_same_queries_whatever_its_size(path):
    for number in range(6):
        make.allocation(make.resource(type_id=make.kind(f"Kind {number}").id), 0, 1)
    for size in (2, 6):
        with CaptureQueriesContext(connections["resources"]) as queries:
            assert len(Api("manager").get(f"{path}?page_size={size}").json()["results"]) == size
        assert len(queries) == (2 if path == "/resources" else 1)


def test_a_rule_of_opening_hours_is_whole_even_in_a_partial_change():
    resource = make.resource()
    path = f"/resources/{resource.id}"
    answer = Api("manager").patch(path, {"opening_hours": [{"opens": "09:00", "closes": "18:00"}]})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "required")
    assert list(resource.opening_hours.all()) == []

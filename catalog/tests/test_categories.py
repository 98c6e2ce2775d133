"""The tree of categories: over HTTP and as services."""

import threading

import pytest
from django.db import connections
from django.utils import timezone

from catalog import services
from catalog.errors import CategoryCycle, CategoryTooDeep
from catalog.models import Category
from catalog.models.categories import MAX_LEVEL
from catalog.tests import make
from core.errors import DomainError
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["catalog"])


def refused(response, status, code):
    problem = response.json()
    assert response.status_code == status, problem
    assert code == (problem["errors"][0]["code"] if problem["errors"] else problem["code"])


def test_a_manager_adds_a_category_below_another():
    cars = make.category("Автомобили")
    with capture_events("catalog") as events:
        response = Api("manager").post("/categories", {"name": "Кроссоверы и SUV", "parent_id": str(cars.pk)})
    assert response.status_code == 201, response.content
    assert response.json() | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "", "name": "Кроссоверы и SUV", "slug": "krossovery-i-suv", "parent_id": str(cars.pk), "level": 1,
        "path": "avtomobili/krossovery-i-suv", "vat_kind": "", "vat_ground": "", "taxed_as": "", "taxed_ground": "",
        "marking": "", "marked_as": "", "created_at": "", "updated_at": "", "version": 1,
    }  # fmt: skip
    assert events == ["category.changed"]


def test_anyone_reads_the_list_and_one():
    cars = make.category("Cars")
    make.category("Bikes")
    assert [item["name"] for item in Api().get("/categories/").json()["results"]] == ["Bikes", "Cars"]
    one = Api().get(f"/categories/{cars.pk}/")
    assert (one.json()["path"], one["ETag"][:3]) == ("cars", '"1-')
    refused(Api().get(f"/categories/{uuid7()}"), 404, "not_found")
    refused(Api().get("/categories?colour=red"), 400, "invalid")


def test_the_tree_is_one_query(django_assert_num_queries):
    parent = make.category("Cars")
    for name in ("SUV", "Sedans"):
        make.category(name, make.category(f"{name} all", parent))
    with django_assert_num_queries(1, using="catalog"):
        (tree,) = Api().get("/categories?tree=true").json()
    assert [child["name"] for child in tree["children"]] == ["SUV all", "Sedans all"]
    assert tree["children"][0]["children"][0]["path"] == "cars/suv-all/suv"


def test_a_move_carries_the_subtree():
    cars, other = make.category("Cars"), make.category("Other")
    suv = make.category("SUV", cars)
    small = make.category("Small", suv)
    with capture_events("catalog") as events:
        response = Api("manager").patch(f"/categories/{suv.pk}", {"parent_id": str(other.pk), "slug": "offroad"})
    assert response.json()["path"] == "other/offroad"
    small.refresh_from_db()
    assert (small.path, small.level) == ("other/offroad/small", 2)
    assert events == ["category.changed"]
    response = Api("manager").patch(f"/categories/{suv.pk}", {"parent_id": None})
    small.refresh_from_db()
    assert (response.json()["level"], small.path, small.level) == (0, "offroad/small", 1)


def test_a_category_is_never_below_itself():
    cars = make.category("Cars")
    suv = make.category("SUV", cars)
    with capture_events("catalog") as events:
        refused(Api("manager").patch(f"/categories/{cars.pk}", {"parent_id": str(suv.pk)}), 409, "category_cycle")
        refused(Api("manager").patch(f"/categories/{cars.pk}", {"parent_id": str(cars.pk)}), 409, "category_cycle")
    assert Category.objects.get(pk=cars.pk).parent_id is None
    assert events == []


def test_siblings_have_different_slugs():
    make.category("Cars")
    assert make.category("Cars").slug == "cars-2"
    refused(Api("manager").post("/categories", {"name": "X", "slug": "cars"}), 409, "slug_taken")


def test_only_an_empty_category_is_deleted():
    cars = make.category("Cars")
    product = make.product(category_id=cars.pk)
    refused(Api("manager").delete(f"/categories/{cars.pk}"), 409, "category_not_empty")
    services.delete_product(product_id=product.pk, now=timezone.now())
    with capture_events("catalog") as events:
        assert Api("manager").delete(f"/categories/{cars.pk}").status_code == 204
    assert events == ["category.changed"]
    assert not Category.objects.exists()


@pytest.mark.parametrize(("caller", "status"), [(Api, 401), (lambda: Api("client"), 403)])
def test_others_write_nothing(caller, status):
    cars = make.category("Cars")
    before = published("catalog")
    for method, path in (
        ("post", "/categories"),
        ("patch", f"/categories/{cars.pk}"),
        ("delete", f"/categories/{cars.pk}"),
    ):
        assert caller().request(method, path, {"name": "X"}).status_code == status
    assert list(Category.objects.values_list("name", flat=True)) == ["Cars"]
    assert published("catalog") == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"name": ""}, "blank"),
        ({"name": "x" * 121}, "max_length"),
        ({"name": "x", "parent_id": "7"}, "invalid"),
        ({"name": "x", "parent_id": "01900000-0000-7000-8000-000000000000"}, "unknown_category"),
        ({"name": "x", "slug": "a b"}, "invalid"),
        ({"name": "x", "level": 3}, "unknown_field"),
    ],
)
def test_bad_input_is_refused(body, code):
    refused(Api("manager").post("/categories", body), 400, code)
    assert not Category.objects.exists()
    assert published("catalog") == []


def test_if_match_is_honoured():
    cars = make.category("Cars")
    refused(Api("manager").patch(f"/categories/{cars.pk}", {"name": "X"}, If_Match='"9"'), 412, "stale_version")
    response = Api("manager").patch(f"/categories/{cars.pk}", {"name": "X"}, If_Match='"1"')
    assert (response.json()["name"], response["ETag"]) == ("X", '"2"')


def test_the_depth_is_bounded():
    parent = None
    for level in range(MAX_LEVEL + 1):
        parent = make.category(f"c{level}", parent)
    with pytest.raises(CategoryTooDeep):
        make.category("one more", parent)
    assert Api().get("/categories?tree=true").status_code == 200


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_two_moves_at_once_make_no_cycle():
    first, second = make.category("First"), make.category("Second")
    refusals, start = [], threading.Barrier(2)

    def move(what, where):
        start.wait(10)
        try:
            services.update_category(category_id=what.pk, parent_id=where.pk, now=timezone.now())
        except DomainError as error:
            refusals.append(type(error))
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=move, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert refusals == [CategoryCycle]
    assert Category.objects.filter(parent=None).count() == 1

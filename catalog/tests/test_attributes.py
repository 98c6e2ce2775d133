"""Serve the attributes that describe the products of a category, over HTTP."""

import pytest
from django.utils import timezone

from catalog import services
from catalog.models import Attribute, Category
from catalog.tests import make
from core.ids import uuid7
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=["catalog"])
SEATS = {"key": "seats", "label": "Seats", "kind": "number"}


def path(category, *tail):
    return "/".join([f"/categories/{category.pk}/attributes", *map(str, tail)])


def code(response):
    problem = response.json()
    return problem["errors"][0]["code"] if problem["errors"] else problem["code"]


def test_a_manager_describes_products_and_the_rule_holds_at_once():
    cars, api = make.category("Cars"), Api("manager")
    made = api.post(path(cars), SEATS | {"unit": "pcs", "is_required": True})
    assert made.status_code == 201, made.content
    assert made.json() | {"id": ""} == {
        "id": "", "category_id": str(cars.pk), "key": "seats", "label": "Seats", "kind": "number", "unit": "pcs",
        "choices": [], "is_required": True,
    }  # fmt: skip
    product = {"sku": "A", "name": "A", "kind": "vehicle", "price": "1", "category_id": str(cars.pk)}
    assert code(api.post("/products", product)) == "invalid_attribute"
    assert code(api.post("/products", product | {"attributes": {"seats": "five"}})) == "invalid_attribute"
    assert api.post("/products", product | {"attributes": {"seats": 5}}).status_code == 201


def test_inherited_ones_are_listed_too_and_read_by_anyone(django_assert_num_queries):
    cars = make.category("Cars")
    suv = make.category("SUV", cars)
    api = Api("manager")
    api.post(path(cars), SEATS)
    own = api.post(path(suv), {"key": "hitch", "label": "Hitch", "kind": "yes_no"}).json()
    with django_assert_num_queries(3, using="catalog"):
        shown = Api().get(path(suv)).json()["results"]
    assert [one["key"] for one in shown] == ["seats", "hitch"]
    assert [one["key"] for one in Api().get(path(cars)).json()["results"]] == ["seats"]
    assert Api().get(path(suv, own["id"])).json() == own
    assert Api().get(path(cars, own["id"])).status_code == 404


def test_it_is_changed_and_deleted_and_values_stay():
    cars, api = make.category("Cars"), Api("manager")
    made = api.post(path(cars), {"key": "wheel", "label": "Wheel", "kind": "choice", "choices": ["left"]}).json()
    product = make.product(category_id=cars.pk, attributes={"wheel": "left"})
    changed = api.patch(path(cars, made["id"]), {"choices": ["left", "right"], "label": "Steering"})
    assert (changed.status_code, changed.json()["choices"]) == (200, ["left", "right"])
    assert make.product(category_id=cars.pk, attributes={"wheel": "right"})
    assert api.delete(path(cars, made["id"])).status_code == 204
    assert api.delete(path(cars, made["id"])).status_code == 404
    product.refresh_from_db()
    assert product.attributes == {"wheel": "left"}
    assert Category.objects.get().version == 4


def test_a_retried_post_makes_one():
    cars, api = make.category("Cars"), Api("manager")
    answers = [api.post(path(cars), SEATS, Idempotency_Key="k") for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert Attribute.objects.count() == 1


@pytest.mark.parametrize("where", ["itself", "above", "below"])
def test_a_key_means_one_thing_from_the_root_to_the_leaf(where):
    top = make.category("Top")
    middle = make.category("Middle", top)
    low = make.category("Low", middle)
    api = Api("manager")
    api.post(path({"itself": middle, "above": top, "below": low}[where]), SEATS)
    refused = api.post(path(middle), SEATS)
    assert (refused.status_code, refused.json()["code"]) == (409, "attribute_key_taken")
    assert api.post(path(make.category("Beside")), SEATS).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "не slug!"},
        {"key": ""},
        {"kind": "date"},
        {"label": ""},
        {"kind": "choice"},
        {"kind": "choice", "choices": []},
        {"kind": "choice", "choices": ["a", "a"]},
        {"kind": "choice", "choices": [""]},
        {"choices": ["a"]},
        {"category_id": "x"},
    ],
)
def test_bad_input_is_refused_and_changes_nothing(changes):
    cars = make.category("Cars")
    assert Api("manager").post(path(cars), SEATS | changes).status_code == 400
    assert not Attribute.objects.exists()
    assert Category.objects.get().version == 1


def test_key_and_kind_never_change():
    cars, api = make.category("Cars"), Api("manager")
    made = api.post(path(cars), SEATS).json()
    for change in ({"key": "doors"}, {"kind": "text"}, {"choices": ["a"]}):
        assert api.patch(path(cars, made["id"]), change).status_code == 400
    assert api.get(path(cars, made["id"])).json() == made


def test_others_change_nothing_and_the_missing_is_missing():
    cars = make.category("Cars")
    made = services.create_attribute(category_id=cars.pk, now=timezone.now(), **SEATS)
    for caller, status in ((Api(), 401), (Api("client"), 403)):
        assert caller.post(path(cars), SEATS | {"key": "x"}).status_code == status
        assert caller.patch(path(cars, made.pk), {"label": "x"}).status_code == status
        assert caller.delete(path(cars, made.pk)).status_code == status
    nowhere = f"/categories/{uuid7()}/attributes"
    assert Api().get(nowhere).status_code == 404
    assert Api("manager").post(nowhere, SEATS).status_code == 404
    assert Api("manager").patch(path(cars, uuid7()), {"label": "x"}).status_code == 404
    assert Attribute.objects.get().label == "Seats"

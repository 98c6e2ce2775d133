"""Which goods are marked: said of a category or of a product, inherited down the tree and told to others."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from catalog import services
from catalog.models import Category, Product
from catalog.models.marking import Marking
from catalog.public import CategoryTax, category_taxes, product_states, tree_disagreements
from catalog.tests import make
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog"])


def told(*categories):
    """What was told last of each category."""
    rows = OutboxEvent.objects.using("catalog").filter(type="category.changed").order_by("id")
    last = {row.data["category_id"]: row.data["marked_as"] for row in rows}
    return [last[str(one.pk)] for one in categories]


def marked(*categories):
    found = Category.objects.in_bulk([one.pk for one in categories])
    return [found[one.pk].marked_as for one in categories]


def branch():
    wheels = make.category("Wheels")
    tyres = make.category("Tyres", wheels)
    return wheels, tyres, make.category("Winter", tyres)


def test_a_manager_says_which_goods_are_marked_and_categories_below_follow():
    wheels, tyres, winter = branch()
    with capture_events("catalog") as events:
        shown = Api("manager").patch(f"/categories/{tyres.pk}", {"marking": "tyres"}).json()
    assert (shown["marking"], shown["marked_as"]) == ("tyres", "tyres")
    assert marked(wheels, tyres, winter) == told(wheels, tyres, winter) == ["", "tyres", "tyres"]
    assert events == ["category.changed"] * 2
    assert Api().get(f"/categories/{winter.pk}").json()["marked_as"] == "tyres"
    assert dict(category_taxes()) == {one.pk: CategoryTax("", "", "tyres") for one in (tyres, winter)}


def test_a_category_below_may_say_otherwise_and_follows_the_place_it_moves_to():
    wheels, tyres, winter = branch()
    services.update_category(category_id=winter.pk, marking="none", now=timezone.now())
    services.update_category(category_id=wheels.pk, marking="tyres", now=timezone.now())
    assert marked(tyres, winter) == told(tyres, winter) == ["tyres", "none"]
    services.update_category(category_id=winter.pk, marking="", now=timezone.now())
    assert marked(winter) == told(winter) == ["tyres"]
    services.update_category(category_id=winter.pk, parent_id=None, now=timezone.now())
    assert marked(winter) == told(winter) == [""]
    new = services.create_category(name="New", parent_id=tyres.pk, now=timezone.now())
    oil = services.create_category(name="Oil", marking="fluids", now=timezone.now())
    assert marked(new, oil) == told(new, oil) == ["tyres", "fluids"]


def test_marking_and_tax_are_carried_apart():
    _wheels, tyres, winter = branch()
    services.update_category(category_id=winter.pk, vat_kind="reduced", now=timezone.now())
    services.update_category(category_id=tyres.pk, marking="tyres", now=timezone.now())
    found = Category.objects.get(pk=winter.pk)
    assert (found.taxed_as, found.marked_as) == ("reduced", "tyres")


def test_what_is_no_group_is_refused_and_nothing_changes():
    _wheels, tyres, _winter = branch()
    with capture_events("catalog") as events:
        assert Api("manager").patch(f"/categories/{tyres.pk}", {"marking": "furs"}).status_code == 400
        assert Api("client").patch(f"/categories/{tyres.pk}", {"marking": "tyres"}).status_code == 403
        assert Api().patch(f"/categories/{tyres.pk}", {"marking": "tyres"}).status_code == 401
    assert (events, marked(tyres)) == ([], [""])


def test_a_product_says_it_of_itself():
    made = make.product(kind="accessory")
    shown = Api("manager").patch(f"/products/{made.pk}", {"marking": "fluids"}).json()
    assert shown["marking"] == "fluids"
    event = OutboxEvent.objects.using("catalog").get(type="product.updated")
    assert event.data["marking"] == "fluids"
    assert dict(product_states())[made.pk].marking == "fluids"


@pytest.mark.parametrize("kind", ["vehicle", "service"])
def test_cars_and_services_are_never_marked(kind):
    made = make.product(kind=kind)
    refused = Api("manager").patch(f"/products/{made.pk}", {"marking": "tyres"})
    assert refused.status_code == 400
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [("marking", "not_allowed")]
    assert Product.objects.get(pk=made.pk).marking == ""
    assert Api("manager").patch(f"/products/{made.pk}", {"marking": "none"}).status_code == 200


def test_marking_that_is_not_what_stands_above_is_found():
    _wheels, tyres, winter = branch()
    services.update_category(category_id=tyres.pk, marking=Marking.TYRES, now=timezone.now())
    assert tree_disagreements() == []
    Category.objects.filter(pk=winter.pk).update(marked_as="")
    [found] = tree_disagreements()
    assert (found.ids, "should be “tyres”" in found.detail) == ({"category_id": str(winter.pk)}, True)


@pytest.mark.django_db(databases=["catalog", "accounts"])
def test_the_administration_writes_it_through_the_service(client):
    client.force_login(get_user_model().objects.create_superuser("admin@example.com", "a-long-password"))
    wheels, tyres, _winter = branch()
    body = {"name": "Wheels", "slug": "wheels", "parent": "", "attributes-TOTAL_FORMS": "0", "marking": "tyres"}
    body |= {"attributes-INITIAL_FORMS": "0"}
    client.post(f"/admin/catalog/category/{wheels.pk}/change/", body, follow=True)
    assert marked(wheels, tyres) == told(wheels, tyres) == ["tyres", "tyres"]

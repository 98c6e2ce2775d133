"""How products are taxed by their category: over HTTP, in the administration and as told to others."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.utils import timezone

from catalog import services
from catalog.models import Category, Product
from catalog.models.taxes import ExemptionGround, SaleTax
from catalog.public import CategoryTax, category_taxes
from catalog.tests import make
from core.db import transaction
from core.errors import InvalidInput
from core.money.grounds import OF_GOODS
from core.money.vat import VatKind
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog"])
FREE = {"vat_kind": "exempt", "vat_ground": "inspection"}
LONG_AGO = datetime(2010, 6, 1, tzinfo=UTC)


def refused(response, field, code):
    assert response.status_code == 400, response.content
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]


def told(*categories):
    """What was told last of each category."""
    rows = OutboxEvent.objects.using("catalog").filter(type="category.changed").order_by("id")
    last = {row.data["category_id"]: row.data for row in rows}
    return [(last[str(one.pk)]["taxed_as"], last[str(one.pk)]["taxed_ground"]) for one in categories]


def taxed(*categories):
    found = Category.objects.in_bulk([one.pk for one in categories])
    return [(found[one.pk].taxed_as, found[one.pk].taxed_ground) for one in categories]


def branch():
    works = make.category("Works")
    yearly = make.category("Yearly", works)
    return works, yearly, make.category("Trucks", yearly)


def test_a_manager_says_how_a_category_is_taxed_and_those_below_follow():
    works, yearly, trucks = branch()
    with capture_events("catalog") as events:
        shown = Api("manager").patch(f"/categories/{works.pk}", FREE).json()
    assert (shown["vat_kind"], shown["vat_ground"], shown["taxed_as"]) == ("exempt", "inspection", "exempt")
    assert taxed(works, yearly, trucks) == told(works, yearly, trucks) == [("exempt", "inspection")] * 3
    assert events == ["category.changed"] * 3
    below = Api().get(f"/categories/{trucks.pk}").json()
    assert (below["vat_kind"], below["taxed_as"], below["taxed_ground"]) == ("", "exempt", "inspection")
    assert below["version"] == 2


def test_a_category_below_may_say_otherwise_and_keeps_it():
    works, yearly, trucks = branch()
    services.update_category(category_id=yearly.pk, vat_kind="reduced", now=timezone.now())
    with capture_events("catalog") as events:
        services.update_category(category_id=works.pk, now=timezone.now(), **FREE)
    assert taxed(works, yearly, trucks) == [("exempt", "inspection"), ("reduced", ""), ("reduced", "")]
    assert events == ["category.changed"], "nothing below has changed"
    services.update_category(category_id=yearly.pk, vat_kind="", now=timezone.now())
    assert taxed(yearly, trucks) == told(yearly, trucks) == [("exempt", "inspection")] * 2


def test_a_category_is_taxed_as_the_place_it_moves_to():
    works, yearly, trucks = branch()
    services.update_category(category_id=works.pk, now=timezone.now(), **FREE)
    Api("manager").patch(f"/categories/{yearly.pk}", {"parent_id": None})
    assert taxed(yearly, trucks) == told(yearly, trucks) == [("", "")] * 2
    child = services.create_category(name="New", parent_id=works.pk, now=timezone.now())
    assert taxed(child) == told(child) == [("exempt", "inspection")]


def test_a_ground_goes_with_its_exemption():
    works = services.create_category(name="Works", now=timezone.now(), **FREE)
    shown = Api("manager").patch(f"/categories/{works.pk}", {"vat_kind": "zero"}).json()
    assert (shown["vat_kind"], shown["vat_ground"]) == ("zero", "")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"vat_kind": "exempt"}, "vat_ground", "required"),
        ({"vat_kind": "exempt", "vat_ground": "insurance"}, "vat_ground", "invalid_choice"),
        ({"vat_kind": "reduced", "vat_ground": "warranty"}, "vat_ground", "not_allowed"),
        ({"vat_ground": "warranty"}, "vat_ground", "not_allowed"),
        ({"vat_kind": "margin"}, "vat_kind", "invalid_choice"),
    ],
)
def test_what_is_no_rule_is_refused_and_nothing_changes(body, field, code):
    works, yearly, _trucks = branch()
    with capture_events("catalog") as events:
        refused(Api("manager").patch(f"/categories/{works.pk}", body), field, code)
        refused(Api("manager").post("/categories", {"name": "X"} | body), field, code)
    assert taxed(works, yearly) == [("", "")] * 2
    assert (events, Category.objects.count()) == ([], 3)


def test_a_day_without_a_row_is_refused():
    works = make.category("Works")
    for fields in (FREE, {"vat_kind": "reduced"}):
        with pytest.raises(InvalidInput):
            services.update_category(category_id=works.pk, now=LONG_AGO, **fields)
        with pytest.raises(InvalidInput):
            make.product(kind="service", now=LONG_AGO, **fields)
    assert taxed(works) == [("", "")]
    assert not Product.objects.exists()


def test_the_database_refuses_an_exemption_without_its_ground():
    works = make.category("Works")
    with pytest.raises(IntegrityError), transaction("catalog"):
        Category.objects.filter(pk=works.pk).update(vat_kind="exempt")


def test_a_product_names_the_ground_of_its_own_exemption():
    body = {"sku": "TO-1", "name": "Inspection", "kind": "service", "price": "1000.00"}
    refused(Api("manager").post("/products", body | {"vat_kind": "exempt"}), "vat_ground", "required")
    made = Api("manager").post("/products", body | FREE).json()
    assert (made["vat_kind"], made["vat_ground"]) == ("exempt", "inspection")
    event = OutboxEvent.objects.using("catalog").get(type="product.created")
    assert (event.data["vat_kind"], event.data["vat_ground"]) == ("exempt", "inspection")
    changed = Api("manager").patch(f"/products/{made['id']}", {"vat_kind": "standard"}).json()
    assert (changed["vat_kind"], changed["vat_ground"]) == ("standard", "")


def test_every_kind_and_ground_has_words_for_people():
    assert set(SaleTax.values) == {kind.value for kind in VatKind}
    assert set(ExemptionGround.values) == set(OF_GOODS)


def test_others_may_compare_what_they_copied():
    works, yearly, _trucks = branch()
    assert dict(category_taxes()) == {}
    services.update_category(category_id=yearly.pk, now=timezone.now(), **FREE)
    assert dict(category_taxes())[yearly.pk] == CategoryTax("exempt", "inspection")
    assert works.pk not in dict(category_taxes())


@pytest.mark.django_db(databases=["catalog", "accounts"])
def test_the_administration_writes_it_through_the_service(client):
    client.force_login(get_user_model().objects.create_superuser("admin@example.com", "a-long-password"))
    works, yearly, _trucks = branch()
    page = f"/admin/catalog/category/{works.pk}/change/"
    body = {"name": "Works", "slug": "works", "parent": "", "attributes-TOTAL_FORMS": "0"}
    body |= {"attributes-INITIAL_FORMS": "0"}
    client.post(page, body | {"vat_kind": "exempt", "vat_ground": ""}, follow=True)
    assert taxed(works) == [("", "")]
    client.post(page, body | FREE, follow=True)
    assert taxed(works, yearly) == told(works, yearly) == [("exempt", "inspection")] * 2

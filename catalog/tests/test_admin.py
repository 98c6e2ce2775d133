"""Manager screens: they work, cost the same however many rows, and go through the services."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import services
from catalog.commands import TakeInVehicle
from catalog.models import Category, PriceChange, Product, StockMovement
from catalog.tests import make
from core.ids import uuid7
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog", "accounts"])
LISTS = (
    "category", "product", "stockmovement", "reservation", "import", "rowerror", "pricerevision", "stockcount",
    "scheduledprice", "outsidephoto",
)  # fmt: skip


@pytest.fixture
def manager(client):
    user = get_user_model().objects.create_superuser("admin@example.com", "a-long-password")
    client.force_login(user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def form(product, **changes):
    fields = {
        "sku": product.sku, "external_id": "", "name": product.name, "price": str(product.price), "currency": "RUB",
        "category": "", "is_active": "on", "low_stock_threshold": "", "make": "", "model": "", "year": "", "vin": "",
        "mileage": "", "condition": "", "body": "", "color": "", "engine_volume": "", "power_hp": "", "fuel": "",
        "transmission": "", "drive": "", "description": "", "image_url": "", "attributes": "{}", "stock_delta": "",
        "stock_reason": "", "price_changes-TOTAL_FORMS": "0", "price_changes-INITIAL_FORMS": "0",
        "scheduled_prices-TOTAL_FORMS": "0", "scheduled_prices-INITIAL_FORMS": "0",
        "acquisitions-TOTAL_FORMS": "0", "acquisitions-INITIAL_FORMS": "0",
    }  # fmt: skip
    return fields | changes


def post(manager, product, **changes):
    return manager.post(f"/admin/catalog/product/{product.pk}/change/", form(product, **changes), follow=True)


@pytest.mark.parametrize("name", LISTS)
def test_lists_open_at_a_constant_number_of_queries(manager, name):
    costs = []
    for _ in range(2):
        for _ in range(3):
            product = make.product(category_id=make.category("C").pk, image_url="https://one.example/a.jpg")
            make.reservation((product.pk, 1))
        with CaptureQueriesContext(connections["catalog"]) as queries:
            assert manager.get(f"/admin/catalog/{name}/").status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_products_are_searched_like_in_the_shop(manager):
    make.product(name="Toyota Camry")
    make.product(name="Kia Rio")
    page = manager.get("/admin/catalog/product/?q=камри").content.decode()
    assert "Toyota Camry" in page
    assert "Kia Rio" not in page


def test_an_edit_goes_through_the_service(manager):
    product = make.product()
    changes = {"price": "1400000.00", "price_reason": "autumn", "stock_delta": "2", "stock_reason": "found"}
    with capture_events("catalog") as events:
        assert post(manager, product, **changes).status_code == 200
    product.refresh_from_db()
    assert (product.price, product.on_hand, product.version) == (1400000, 3, 3)
    assert PriceChange.objects.values_list("new_price", "reason").get() == (1400000, "autumn")
    assert StockMovement.objects.get(kind="manual").reason == "found"
    assert events == ["product.updated", "product.updated"]


def test_a_refusal_is_shown_and_changes_nothing(manager, settings):
    settings.PRICE_FOUR_EYES_ABOVE = settings.STOCK_FOUR_EYES_ABOVE = 100_000_000
    product = make.product()
    with capture_events("catalog") as events:
        response = post(manager, product, price="1.00", stock_delta="-5", stock_reason="lost")
    product.refresh_from_db()
    assert (response.status_code, product.on_hand, product.price) == (200, 1, 1500000)
    assert "There is not enough of this product." in response.content.decode()
    assert events == []


def test_a_car_taken_in_is_found_completed_and_put_on_sale(manager):
    command = TakeInVehicle(order_id=uuid7(), number="2026-000001", cost=Decimal(400_000), currency="RUB", vin=make.VIN)
    car = services.take_in_vehicle(car=command, now=timezone.now()).product
    other = make.product()
    for chosen in ("all", "complete"):
        shown = manager.get("/admin/catalog/product/", {"taken_in": chosen}).content.decode()
        assert car.sku in shown
        assert other.sku not in shown
    page = manager.get(f"/admin/catalog/product/{car.pk}/change/").content.decode()
    assert str(command.order_id) in page
    assert car.missing_labels in page

    def publish():
        chosen = {"action": "publish_vehicles", "confirmed": "yes", "_selected_action": [str(car.pk)]}
        manager.post("/admin/catalog/product/", chosen)
        return Product.objects.get(pk=car.pk).available

    assert publish() == 0
    facts = {"make": "Lada", "model": "Vesta", "year": 2018, "mileage": 90_000}
    services.update_product(product_id=car.pk, actor="a", now=timezone.now(), **facts)
    assert publish() == 1


def test_a_movement_needs_a_reason(manager):
    product = make.product()
    post(manager, product, stock_delta="5")
    product.refresh_from_db()
    assert product.on_hand == 1


def test_a_product_is_added_and_leaves_the_catalogue(manager):
    body = form(make.product(sku="OLD"), sku="NEW", kind="accessory", stock_delta="4", stock_reason="first")
    assert manager.post("/admin/catalog/product/add/", body, follow=True).status_code == 200
    added = Product.objects.get(sku="NEW")
    assert added.on_hand == 4
    manager.post(f"/admin/catalog/product/{added.pk}/delete/", {"post": "yes"}, follow=True)
    added.refresh_from_db()
    assert added.deleted_at is not None


def test_categories_are_moved_by_the_service(manager):
    cars, suv = make.category("Cars"), make.category("SUV")
    body = {"name": "SUV", "slug": "suv", "parent": str(cars.pk)}
    body |= {"attributes-TOTAL_FORMS": "0", "attributes-INITIAL_FORMS": "0"}
    assert manager.post(f"/admin/catalog/category/{suv.pk}/change/", body, follow=True).status_code == 200
    suv.refresh_from_db()
    assert suv.path == "cars/suv"
    manager.post(
        f"/admin/catalog/category/{cars.pk}/change/", body | {"parent": str(suv.pk), "slug": "cars"}, follow=True
    )
    cars.refresh_from_db()
    assert cars.parent_id is None
    manager.post("/admin/catalog/category/add/", body | {"name": "New", "slug": "new", "parent": ""}, follow=True)
    assert Category.objects.get(slug="new").level == 0


@pytest.mark.parametrize("name", ["stockmovement", "reservation", "rowerror"])
def test_history_is_read_only(manager, name):
    assert manager.get(f"/admin/catalog/{name}/add/").status_code == 403


def test_a_list_of_very_many_is_estimated_not_counted(manager, monkeypatch):
    monkeypatch.setattr("core.screens.base.CAPPED", 2)
    for _ in range(4):
        make.product()
    with CaptureQueriesContext(connections["catalog"]) as queries:
        assert manager.get("/admin/catalog/product/").status_code == 200
    assert any(query["sql"].startswith("EXPLAIN") for query in queries)
    assert not any("COUNT(" in query["sql"].upper() for query in queries)

"""Products are read past the ORM, and shown as the ORM's are."""

import json

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from catalog.api.serializers import ProductSerializer
from catalog.models import Product, ProductKind, Stage
from catalog.models.products import YEAR_OR_0
from catalog.queries.pages import SHOWN, ProductRows, read_product
from catalog.tests import make
from core.testing import Api
from gateway.responses.rendering import JSONRenderer

pytestmark = pytest.mark.django_db(databases=["catalog"])


def rendered(data):
    return JSONRenderer().render(data)


@pytest.fixture
def products():
    """One of each kind, vehicles in each stage, held, sold and off sale, full of what is optional and empty of it."""
    for kind in ProductKind.values:
        make.product(kind=kind, stock=0 if kind == ProductKind.SERVICE else 1, **full(kind))
    for stage in Stage.values:
        gone = stage == Stage.HANDED_OVER
        Product.objects.filter(pk=make.product(stock=1).pk).update(stage=stage, on_hand=0 if gone else 1)
    held = make.product(stock=1)
    make.reservation((held.pk, 1))
    Product.objects.filter(pk=make.product(stock=1).pk).update(on_hand=0)
    make.product(is_active=False)
    return Product.objects.present()


def full(kind):
    extra = {"attributes": {"seats": "5", "sizes": ["1", {"a": None}], "имя": "да"}, "description": 'a "b" % \n я'}
    return extra | ({"category_id": make.category().pk} if kind == ProductKind.VEHICLE else {})


def test_the_members_are_those_that_the_document_declares():
    assert list(SHOWN) == ProductSerializer.Meta.fields


def test_a_product_is_shown_as_its_model_is(products):
    assert {product.state for product in products} >= {"", "reserved", "sold", *Stage.values} - {"handed_over"}
    for product in products:
        plain = json.loads(rendered(ProductSerializer(product).data))
        assert json.loads(rendered(read_product(product.pk, is_staff=True))) == plain
        seen = read_product(product.pk, is_staff=False)
        assert (seen is not None) == product.is_active
    products.update(deleted_at=products[0].created_at)
    assert read_product(product.pk, is_staff=True) is None


@pytest.mark.parametrize("names", [["-id"], ["price", "pk"], ["-year_or_0", "-pk"]])
def test_a_page_is_in_the_order_that_was_asked_for(products, names):
    Product.objects.filter(pk=products.first().pk).update(price=1, year=None)
    found = products.annotate(year_or_0=YEAR_OR_0).order_by(*names)
    page = ProductRows(found).order_by(*names)[1:6]
    assert [product["id"] for product in page] == [product.pk for product in found[1:6]]
    assert [product["year_or_0"] for product in page] == [product.year or 0 for product in found[1:6]]


@pytest.mark.parametrize(
    "query", ["", "?kind=vehicle", "?q=vesta", "?q=50%25", "?make=%25", "?ordering=-year&page_size=2"]
)
@pytest.mark.parametrize("role", ["", "manager"])
def test_what_a_list_shows_is_what_each_product_shows(products, query, role):
    api = Api(*filter(None, [role]))
    for product in api.get(f"/products{query}").json()["results"]:
        assert product == api.get(f"/products/{product['id']}").json()


def test_nobody_sees_products_through_a_detail_that_is_filtered(products):
    product = products.filter(is_active=True).first()
    assert Api().get(f"/products/{product.pk}?kind=vehicle").status_code == 400


@pytest.mark.parametrize("size", [1, 9])
def test_a_page_is_one_statement_however_long(products, size):
    with CaptureQueriesContext(connections["catalog"]) as asked:
        assert len(Api("manager").get(f"/products?page_size={size}&price_min=1").json()["results"]) == size
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "catalog_product_pkey"),
        ("?ordering=-price", "product_by_price"),
        ("?ordering=price&price_min=5", "product_by_price"),
        ("?ordering=-year", "product_by_year"),
        ("?in_stock=true", "product_for_sale"),
    ],
)
def test_a_page_is_walked_to_by_an_index_and_nothing_is_sorted_for_it(query, index):
    with CaptureQueriesContext(connections["catalog"]) as asked:
        assert Api().get(f"/products{query}").status_code == 200
    with connections["catalog"].cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):  # where a few rows would be sorted, many are not
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute("EXPLAIN (COSTS OFF) " + asked[0]["sql"].replace("%", "%%"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    below = plan.partition("Limit")[2]
    assert f"using {index} on catalog_product" in below, plan
    assert "Sort" not in below, plan

import pytest

from catalog.models import Category, Product, ProductImage
from catalog.queries import cache
from catalog.tests import make
from core.db import transaction
from orders.models import Checkout, CheckoutLeg, Order, OrderLine
from tests import told_writes
from tests.told_writes import SHOWN_BY, written_table

pytestmark = pytest.mark.django_db(databases=["catalog"])


def test_every_table_that_cached_answers_show_is_looked_at():
    models = (Product, ProductImage, Category, Order, OrderLine, Checkout, CheckoutLeg)
    assert {model._meta.db_table for model in models} == set(SHOWN_BY)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ('UPDATE "catalog_product" SET price = 1', "catalog_product"),
        ("insert into catalog_productimage VALUES (1)", "catalog_productimage"),
        ("WITH old AS (SELECT 1) DELETE FROM ONLY catalog_category", "catalog_category"),
        ('SELECT 1 FROM "catalog_product" FOR UPDATE OF "catalog_product"', ""),
        ("WITH found AS (SELECT id FROM catalog_product) UPDATE catalog_reservation SET reason = ''", ""),
        ("INSERT INTO orders_orderstat VALUES (1)", ""),
    ],
)
def test_statements_that_write_are_told_from_others(statement, table):
    assert written_table(statement) == table


def reprice(*told):
    with transaction("catalog"):
        Product.objects.update(price=1)
        for tell in told:
            tell()


def test_a_write_that_nobody_told_of_is_refused(monkeypatch):
    make.product()
    monkeypatch.setattr(told_writes, "_place", lambda: "catalog/services/prices.py:1")
    reprice(cache.forget_products)
    for told in ([], [cache.forget_categories]):
        with pytest.raises(AssertionError, match="does not forget the catalog cache"):
            reprice(*told)

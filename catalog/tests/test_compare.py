"""Products side by side."""

import pytest

from catalog import services
from catalog.tests import make
from core.ids import uuid7
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=["catalog"])


def compare(*ids):
    return Api().get(f"/products/compare?ids={','.join(str(one) for one in ids)}")


def test_rows_that_differ_are_marked_and_empty_ones_left_out():
    first = make.product(make="Lada", year=2021, attributes={"doors": 5})
    second = make.product(make="Lada", year=2019, attributes={"doors": 5, "hook": True})
    response = compare(second.pk, first.pk)
    assert response.status_code == 200, response.content
    assert [one["id"] for one in response.json()["products"]] == [str(second.pk), str(first.pk)]
    rows = {row["name"]: (row["values"], row["differs"]) for row in response.json()["rows"]}
    assert rows["make"] == (["Lada", "Lada"], False)
    assert rows["year"] == ([2019, 2021], True)
    assert rows["attributes.doors"] == ([5, 5], False)
    assert rows["attributes.hook"] == ([True, None], True)
    assert "body" not in rows


def test_one_named_twice_is_one():
    product = make.product()
    assert len(compare(product.pk, product.pk).json()["products"]) == 1


def test_what_is_not_on_sale_is_not_compared():
    shown, hidden = make.product(), make.product()
    services.delete_product(product_id=hidden.pk, now=hidden.created_at)
    assert compare(shown.pk, hidden.pk).status_code == 404
    assert compare(shown.pk, uuid7()).status_code == 404


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=x", "?ids=1,2", "?other=1"])
def test_bad_input_is_refused(query):
    assert Api().get(f"/products/compare{query}").status_code == 400


def test_five_are_too_many():
    response = compare(*(uuid7() for _ in range(5)))
    assert response.status_code == 400

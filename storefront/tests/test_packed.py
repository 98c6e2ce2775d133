"""Pages are packed for whoever can unpack them, and none of them is heavier than 100 kB unpacked."""

import gzip

import pytest
from django.test import Client

from storefront.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])
HEAVIEST = 100_000


def test_a_page_is_packed_for_who_takes_it_and_for_nobody_else():
    for _ in range(24):
        make.car(is_known=False)
    plain = Client().get("/cars/")
    packed = Client(headers={"Accept-Encoding": "gzip"}).get("/cars/")
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    whole = gzip.decompress(packed.content)
    assert b"</html>" in whole
    assert len(packed.content) < len(whole) / 3
    assert len(whole) < HEAVIEST


def test_what_is_no_page_goes_as_it_is():
    answer = Client(headers={"Accept-Encoding": "gzip"}).get("/robots.txt")
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer

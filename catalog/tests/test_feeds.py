"""Feeds for marketplaces: what is in them, their form, and that nothing is sent twice."""

import asyncio
import csv
import io
import re
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import queries, services
from catalog.queries import feeds
from catalog.tests import make
from core.testing import Api
from gateway.responses.tables import _without_blocking, in_pieces

pytestmark = pytest.mark.django_db(databases=["catalog"])
ORDER = ["name", "company", "url", "currencies", "categories", "offers"]
OFFER = [
    "url", "price", "currencyId", "categoryId", "picture", "name", "vendor", "vendorCode", "model", "description",
    "param",
]  # fmt: skip
"""Elements of a shop and of an offer in the order of the YML schema."""


def read(path):
    response = Api().get(path)
    assert response.status_code == 200, response.content
    return response, b"".join(response.streaming_content).decode()


def check_form(text):
    """Judge a feed by the rules of YML: its elements, their order, and that every reference leads somewhere."""
    root = ElementTree.fromstring(text)
    assert (root.tag, [child.tag for child in root]) == ("yml_catalog", ["shop"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", root.attrib["date"])
    shop = root[0]
    assert [child.tag for child in shop] == ORDER
    currencies = {one.attrib["id"] for one in shop.find("currencies")}
    numbers = [one.attrib["id"] for one in shop.find("categories")]
    assert len(numbers) == len(set(numbers))
    assert all(number.isdigit() and len(number) <= 18 for number in numbers)
    assert {one.attrib.get("parentId", numbers[0]) for one in shop.find("categories")} <= set(numbers)
    for offer in shop.find("offers"):
        places = [OFFER.index(child.tag) for child in offer]
        assert places == sorted(places)
        assert {"url", "price", "currencyId", "categoryId", "name"} <= {child.tag for child in offer}
        assert offer.find("currencyId").text in currencies
        assert offer.find("categoryId").text in numbers
        assert offer.find("url").text.startswith("http")
        assert float(offer.find("price").text) > 0
    return shop.find("offers")


def test_the_feed_keeps_to_the_form_whatever_the_catalogue_says():
    suv = make.category("SUV <4x4>", make.category("Cars & vans"))
    hostile = 'Niva "Legend" <b>&amp;</b> \x0b ]]> 🚗'
    make.product(
        name=hostile, category_id=suv.pk, make="Lada", model="Niva", year=2021, mileage=10, currency="USD",
        description="x" * 5000, image_url="https://example.com/a.jpg?b=1&c=2",
    )  # fmt: skip
    make.product(kind="accessory", stock=3)
    response, text = read("/feeds/yml")
    assert response["Content-Type"] == "application/xml; charset=utf-8"
    offers = check_form(text)
    shown = next(offer for offer in offers if offer.find("vendor") is not None)
    assert shown.find("name").text == hostile.replace("\x0b", "")
    assert shown.find("picture").text == "https://example.com/a.jpg?b=1&c=2"
    assert {one.attrib["name"]: one.text for one in shown.findall("param")} == {"year": "2021", "mileage": "10"}
    assert len(offers) == 2


def test_what_cannot_be_bought_is_left_out():
    shown, held, gone, hidden = make.product(), make.product(), make.product(), make.product()
    make.product(kind="service")
    make.product(stock=0)
    make.reservation((held.pk, 1))
    services.delete_product(product_id=gone.pk, now=timezone.now())
    services.update_product(product_id=hidden.pk, is_active=False, actor="tests", now=timezone.now())
    assert [offer.attrib["id"] for offer in check_form(read("/feeds/yml")[1])] == [str(shown.pk)]
    rows = list(csv.DictReader(io.StringIO(read("/feeds/csv")[1])))
    assert [row["id"] for row in rows] == [str(shown.pk)]


def test_an_empty_catalogue_is_a_feed_too():
    assert len(check_form(read("/feeds/yml")[1])) == 0


def test_it_is_read_in_chunks_and_every_product_comes_once(monkeypatch):
    monkeypatch.setattr(feeds, "CHUNK", 3)
    made = {str(make.product().pk) for _ in range(7)}
    with CaptureQueriesContext(connections["catalog"]) as asked:
        rows = list(csv.DictReader(io.StringIO("".join(queries.csv_feed()))))
    assert [row["id"] for row in rows] == sorted(made, reverse=True)
    assert len(asked) == 7


@pytest.mark.parametrize("path", ["/feeds/yml", "/feeds/csv"])
def test_nothing_is_sent_again_until_something_changes(path):
    product = make.product()
    tag = read(path)[0]["ETag"]
    same = Api().get(path, If_None_Match=tag)
    assert (same.status_code, same.content) == (304, b"")
    services.update_product(product_id=product.pk, price=5, actor="tests", now=timezone.now())
    assert Api().get(path, If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("path", ["/feeds/yml", "/feeds/csv"])
def test_any_form_may_be_asked_for_but_no_parameter(path):
    assert Api().get(path, Accept="application/xml").status_code == 200
    assert Api().get(f"{path}?make=Lada").status_code == 400


def test_under_asgi_it_comes_piece_by_piece():
    lines = (f"{number}\n" for number in range(1200))

    async def collect():
        return [piece async for piece in _without_blocking(in_pieces(lines))]

    pieces = asyncio.run(collect())
    assert [piece.count(b"\n") for piece in pieces] == [500, 500, 200]


def test_the_command_writes_a_whole_file(tmp_path, capsys):
    make.product(name="Lada Vesta")
    call_command("export_feed", "--output", str(tmp_path / "feed.xml"))
    check_form((tmp_path / "feed.xml").read_text())
    assert [path.name for path in tmp_path.iterdir()] == ["feed.xml"]
    call_command("export_feed", "--format", "csv")
    assert "Lada Vesta" in capsys.readouterr().out


def test_no_cell_of_the_feed_is_a_formula():
    make.product(name='=HYPERLINK("http://evil.example")')
    (row,) = csv.DictReader(io.StringIO("".join(queries.csv_feed())))
    assert row["name"] == """'=HYPERLINK("http://evil.example")"""

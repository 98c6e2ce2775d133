"""Pages as search engines and messengers read them: robots, sitemap, canonical addresses, facts of a car."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import catalog.tests.make as catalog_make
from catalog.models import Product
from storefront.tests import make
from storefront.tests.make import Visitor
from storefront.views import crawlers

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])


def text(response):
    return response.content.decode()


def test_robots_keep_out_of_what_is_somebodys_own_and_know_the_sitemap():
    answer = Visitor().get("/robots.txt")
    assert answer["Content-Type"].startswith("text/plain")
    assert "Disallow: /orders/" in text(answer)
    assert "Sitemap: http://testserver/sitemap.xml" in text(answer)


@pytest.fixture(autouse=True)
def _forget_marks():
    cache.delete(crawlers.MARKS)
    yield
    cache.delete(crawlers.MARKS)


def listed(path):
    page = text(Visitor().get(path))
    assert page.startswith('<?xml version="1.0"')
    return re.findall("<loc>http://testserver(.*?)</loc>", page)


def test_the_index_leads_to_the_shops_pages_and_to_what_is_on_sale():
    car, gone, hidden = make.car(), make.car(stock=0), make.car()
    Product.objects.filter(pk=hidden.id).update(is_active=False)
    catalog_make.product(kind="accessory", name="Mats")
    own, cars = listed("/sitemap.xml")
    assert "/cars/" in listed(own)
    assert listed(cars) == [f"/cars/{car.id}/", f"/cars/{gone.id}/"]  # sold out, and still to be read
    assert f"<lastmod>{timezone.now():%Y-%m-%d}</lastmod>" in text(Visitor().get(cars))


def test_cars_are_on_as_many_pages_as_they_need_each_once(monkeypatch):
    monkeypatch.setattr(crawlers, "PAGE_SIZE", 2)
    cars = [f"/cars/{make.car().id}/" for _number in range(5)]
    pages = listed("/sitemap.xml")[1:]
    assert [listed(page) for page in pages] == [cars[:2], cars[2:4], cars[4:]]
    assert listed(f"/sitemap/cars/{cars[-1].split('/')[2]}/") == []


def test_the_index_says_when_the_newest_change_of_a_page_was(monkeypatch):
    monkeypatch.setattr(crawlers, "PAGE_SIZE", 2)
    for day in (3, 7, 5):
        Product.objects.filter(pk=make.car().id).update(updated_at=datetime(2026, 1, day, tzinfo=UTC))
    index = text(Visitor().get("/sitemap.xml"))
    assert re.findall("<lastmod>(.*?)</lastmod>", index) == ["2026-01-07", "2026-01-05"]


def test_pages_are_found_by_key_and_never_by_counting(monkeypatch):
    monkeypatch.setattr(crawlers, "PAGE_SIZE", 2)
    for _number in range(3):
        make.car()
    with CaptureQueriesContext(connections["catalog"]) as asked:
        pages = listed("/sitemap.xml")
        listed(pages[-1])
        listed("/sitemap.xml")  # known by now
    statements = [one["sql"].upper() for one in asked if "CATALOG_PRODUCT" in one["sql"].upper()]
    assert len(statements) == 4  # two pages, the end, and the cars of one
    assert not any("OFFSET" in one or "COUNT(" in one for one in statements)


def test_sitemaps_may_be_kept_by_whoever_stands_between():
    for path in ("/sitemap.xml", "/sitemap/pages/"):
        assert Visitor().get(path)["Cache-Control"] == "max-age=600, public"


def test_a_filtered_list_has_the_address_of_the_list():
    make.car()
    page = text(Visitor().get("/cars/?make=Skoda&ordering=price"))
    assert '<link rel="canonical" href="http://testserver/cars/">' in page


def test_a_car_tells_search_engines_its_facts_and_cannot_break_out_of_them():
    car = make.car(name="</script><b>Octavia", price=Decimal("1745000.00"), vin="XTA210990Y2766388")
    page = text(Visitor().get(f"/cars/{car.id}/"))
    block = page.split('<script type="application/ld+json">')[1].split("</script>")[0]
    facts = json.loads(block)
    assert (facts["@type"], facts["name"], facts["brand"]["name"]) == ("Car", "</script><b>Octavia", "Skoda")
    assert facts["offers"] == {
        "@type": "Offer",
        "price": "1745000.00",
        "priceCurrency": "RUB",
        "availability": "https://schema.org/InStock",
    }
    assert 'property="og:title"' in page

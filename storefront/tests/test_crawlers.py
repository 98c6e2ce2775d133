"""Pages as search engines and messengers read them: robots, sitemap, canonical addresses, facts of a car."""

import json
from decimal import Decimal

import pytest

from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])


def text(response):
    return response.content.decode()


def test_robots_keep_out_of_what_is_somebodys_own_and_know_the_sitemap():
    answer = Visitor().get("/robots.txt")
    assert answer["Content-Type"].startswith("text/plain")
    assert "Disallow: /orders/" in text(answer)
    assert "Sitemap: http://testserver/sitemap.xml" in text(answer)


def test_the_sitemap_lists_what_is_on_sale():
    car, gone = make.car(), make.car(stock=0)
    page = text(Visitor().get("/sitemap.xml"))
    assert page.startswith('<?xml version="1.0"')
    assert f"<loc>http://testserver/cars/{car.id}/</loc><lastmod>" in page
    assert f"/cars/{gone.id}/" in page  # sold out, and still to be read
    assert "<loc>http://testserver/cars/</loc></url>" in page


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

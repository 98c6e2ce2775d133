"""Favourites, saved searches, comparison and pictures, for a browser without scripts."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from catalog import services
from catalog.models import Favourite, SavedSearch
from core.ids import uuid7
from messaging.delivery.work_queues import run_work_queue
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])


def text(response):
    return response.content.decode()


def car(**fields):
    return make.car(is_known=False, **fields)


def queries(visitor, path):
    with CaptureQueriesContext(connections["catalog"]) as counted:
        assert visitor.get(path).status_code == 200
    return len(counted)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def add_picture(product, width=1200, height=800, **fields):
    output = BytesIO()
    Image.new("RGB", (width, height), "red").save(output, "JPEG")
    output.seek(0)
    return services.add_image(product_id=product.id, file=output, now=timezone.now(), **fields)


class TestFavourites:
    def test_a_car_is_kept_from_its_card_or_page_and_taken_off_again(self):
        visitor, one = Visitor("client"), car()
        for path in ("/cars/", f"/cars/{one.id}/"):
            assert f"/favourites/{one.id}/" in text(visitor.get(path))
        for _ in range(2):
            sent = visitor.post(f"/favourites/{one.id}/", next="/cars/?make=Skoda")
            assert (sent.status_code, sent["Location"]) == (302, "/cars/?make=Skoda")
        assert Favourite.objects.get().user_id == visitor.user.id
        for path in ("/cars/", f"/cars/{one.id}/", "/favourites/"):
            assert f"/favourites/{one.id}/remove/" in text(visitor.get(path)), path
        for _ in range(2):
            assert visitor.post(f"/favourites/{one.id}/remove/")["Location"] == "/favourites/"
        assert not Favourite.objects.exists()
        assert "You have no favourites yet" in text(visitor.get("/favourites/"))

    def test_a_guest_signs_in_first_and_comes_back_to_the_car(self):
        guest, one = Visitor(), car()
        assert guest.get("/favourites/")["Location"] == "/sign-in/?next=/favourites/"
        assert guest.post(f"/favourites/{one.id}/")["Location"] == f"/sign-in/?next=/cars/{one.id}/"
        sent = guest.post(f"/favourites/{one.id}/", next="/cars/?make=Skoda")
        assert sent["Location"] == "/sign-in/?next=/cars/%3Fmake%3DSkoda"
        assert guest.post(f"/favourites/{one.id}/remove/")["Location"] == "/sign-in/?next=/favourites/"
        assert not Favourite.objects.exists()

    def test_anothers_are_neither_shown_nor_taken_off(self):
        owner, other, one = Visitor("client"), Visitor("client"), car()
        owner.post(f"/favourites/{one.id}/")
        assert one.name not in text(other.get("/favourites/"))
        other.post(f"/favourites/{one.id}/remove/")
        assert Favourite.objects.count() == 1

    def test_what_is_not_on_sale_cannot_be_kept_and_stays_named_when_it_was(self, monkeypatch):
        visitor, one = Visitor("client"), car()
        assert visitor.post(f"/favourites/{uuid7()}/").status_code == 404
        visitor.post(f"/favourites/{one.id}/")
        services.update_product(product_id=one.id, is_active=False, actor="t", now=timezone.now())
        page = text(visitor.get("/favourites/"))
        assert "No longer on sale" in page
        assert f'href="/cars/{one.id}/"' not in page
        monkeypatch.setattr("catalog.services.saved.MOST_FAVOURITES", 1)
        visitor.post(f"/favourites/{car().id}/")
        assert Favourite.objects.count() == 1
        assert "as many as you may" in text(visitor.get("/favourites/"))

    def test_a_form_cannot_send_its_reader_elsewhere(self):
        visitor, one = Visitor("client"), car()
        assert visitor.post(f"/favourites/{one.id}/", next="https://evil.example/")["Location"] == "/favourites/"
        assert visitor.post(f"/compare/{one.id}/", next="//evil.example/")["Location"] == "/compare/"

    def test_many_are_paged_at_a_constant_number_of_queries(self):
        visitor = Visitor("client")
        visitor.post(f"/favourites/{car().id}/")
        few = queries(visitor, "/favourites/")
        for number in range(29):
            visitor.post(f"/favourites/{car(model=f'Model {number:02}').id}/")
        assert queries(visitor, "/favourites/") == few
        first = visitor.get("/favourites/")
        second = visitor.get(f"/favourites/?cursor={first.context['next']}")
        names = [one.name for page in (first, second) for one in page.context["cars"]]
        assert len(names) == len(set(names)) == 30
        assert visitor.get("/favourites/?cursor=garbage").status_code == 200


class TestSavedSearches:
    def save(self, visitor, **changes):
        return visitor.post(
            "/saved-searches/", **{"name": "An estate", "make": "Skoda", "price_max": "2000000"} | changes
        )

    def test_the_present_filter_is_saved_listed_and_deleted(self):
        visitor = Visitor("client")
        car()
        page = text(visitor.get("/cars/?make=Skoda&price_max=2000000"))
        assert "Save this search" in page
        assert 'name="price_max" value="2000000"' in page
        assert self.save(visitor)["Location"] == "/saved-searches/"
        saved = SavedSearch.objects.get()
        assert saved.query == {"kind": "vehicle", "in_stock": True, "make": "Skoda", "price_max": "2000000"}
        page = text(visitor.get("/saved-searches/"))
        assert "An estate" in page
        assert "up to 2\u00a0000\u00a0000\u00a0₽" in page
        assert visitor.post(f"/saved-searches/{saved.id}/delete/")["Location"] == "/saved-searches/"
        assert not SavedSearch.objects.exists()

    def test_new_cars_are_counted_until_they_are_looked_at(self):
        visitor = Visitor("client")
        self.save(visitor)
        saved = SavedSearch.objects.get()
        found = car()
        car(make="Audi", model="A6")
        services.match_saved_searches(now=timezone.now() + timedelta(minutes=5))
        assert "1 new car" in text(visitor.get("/saved-searches/"))
        visitor.client.head(f"/saved-searches/{saved.id}/")
        page = visitor.get(f"/saved-searches/{saved.id}/")
        assert "1 new car since you last looked" in text(page)
        assert [one.id for one in page.context["cars"]] == [found.id]
        assert "new car" not in text(visitor.get("/saved-searches/"))

    def test_bad_input_keeps_what_was_typed_and_saves_nothing(self):
        visitor = Visitor("client")
        for changes in ({"name": ""}, {"price_max": "many"}, {"name": "x" * 121}):
            response = self.save(visitor, **changes)
            assert response.status_code == 400
            assert "field-error" in text(response)
            assert 'value="Skoda"' in text(response)
        assert not SavedSearch.objects.exists()

    def test_too_many_are_refused_on_the_same_page(self, monkeypatch):
        monkeypatch.setattr("catalog.services.saved.MOST_SEARCHES", 0)
        response = self.save(Visitor("client"))
        assert response.status_code == 409
        assert "as many as you may" in text(response)

    def test_guests_sign_in_first(self):
        guest = Visitor()
        car()
        assert "Sign in to save this search" in text(guest.get("/cars/?make=Skoda"))
        assert "Save this search" not in text(guest.get("/cars/"))
        assert self.save(guest)["Location"].startswith("/sign-in/?next=")
        for path in ("/saved-searches/", f"/saved-searches/{uuid7()}/"):
            assert guest.get(path)["Location"] == f"/sign-in/?next={path}"
        assert guest.post(f"/saved-searches/{uuid7()}/delete/").status_code == 302
        assert not SavedSearch.objects.exists()

    def test_anothers_are_not_there(self):
        owner = Visitor("client")
        self.save(owner)
        saved = SavedSearch.objects.get()
        for other in (Visitor("client"), Visitor("manager")):
            assert "An estate" not in text(other.get("/saved-searches/"))
            assert other.get(f"/saved-searches/{saved.id}/").status_code == 404
            assert other.post(f"/saved-searches/{saved.id}/delete/").status_code == 404
        assert SavedSearch.objects.exists()

    def test_searches_saved_over_the_api_are_shown_too(self):
        visitor = Visitor("client")
        query = {"category": str(uuid7()), "mileage_max": 90000, "vin": "XTA", "fuel": "бензин", "year_min": 2015}
        services.save_search(user_id=visitor.user.id, name="By programme", query=query, now=timezone.now())
        page = text(visitor.get("/saved-searches/"))
        assert "up to 90\u00a0000 km" in page
        assert visitor.get(f"/saved-searches/{SavedSearch.objects.get().id}/").status_code == 200

    def test_the_list_costs_the_same_however_long_it_is(self):
        visitor = Visitor("client")
        self.save(visitor)
        few = queries(visitor, "/saved-searches/")
        for number in range(20):
            self.save(visitor, name=f"Search {number}")
        assert queries(visitor, "/saved-searches/") == few


class TestComparison:
    def test_cars_stand_side_by_side_and_what_differs_is_marked(self):
        guest = Visitor()
        first = car(attributes={"owners": "1 владелец", "equipment": ["ABS"]})
        second = car(make="Audi", model="A6", year=2020, attributes={"owners": "1 владелец", "heated": True})
        for one in (first, second):
            assert guest.post(f"/compare/{one.id}/", next="/cars/")["Location"] == "/cars/"
        page = guest.get("/compare/")
        rows = {str(row.label): ([str(cell) for cell in row.cells], row.differs) for row in page.context["rows"]}
        assert rows["Year"] == (["2018", "2020"], True)
        assert rows["Mileage"] == (["19\u00a0851 km", "19\u00a0851 km"], False)
        assert rows["Price"][1] is False
        assert rows["Owners"] == (["one owner", "one owner"], False)
        assert rows["heated"] == (["—", "yes"], True)
        assert '<tr class="differs">' in text(page)
        guest.post(f"/compare/{first.id}/remove/")
        assert first.name not in text(guest.get("/compare/"))
        guest.post(f"/compare/{second.id}/remove/")
        assert "Nothing is compared yet" in text(guest.get("/compare/"))

    def test_a_typed_attribute_is_called_as_its_category_says(self):
        cars = services.create_category(name="Cars", now=timezone.now())
        services.create_attribute(
            category_id=cars.pk, key="boot", kind="number", label="Boot", unit="l", now=timezone.now()
        )
        one = car(category_id=cars.pk, attributes={"boot": 590})
        rows = {str(row.label): row.cells for row in Visitor().get(f"/compare/?ids={one.id}").context["rows"]}
        assert rows["Boot"] == ["590 l"]
        assert "590 l" in text(Visitor().get(f"/cars/{one.id}/"))

    def test_equal_amounts_in_two_currencies_differ(self):
        ids = ",".join(str(one.id) for one in (car(), car(currency="USD")))
        rows = {str(row.label): row for row in Visitor().get(f"/compare/?ids={ids}").context["rows"]}
        assert rows["Price"].differs
        assert "currency" not in rows

    def test_a_fifth_car_is_refused(self):
        guest = Visitor()
        cars = [car(model=f"M{number}") for number in range(5)]
        for one in cars:
            guest.post(f"/compare/{one.id}/")
        page = text(guest.get("/compare/"))
        assert "Four cars fit side by side" in page
        assert cars[4].name not in page
        assert cars[3].name in page

    def test_a_link_is_passed_on_and_what_is_gone_is_left_out(self):
        one, other = car(), car()
        services.delete_product(product_id=other.id, now=timezone.now())
        page = text(Visitor().get(f"/compare/?ids={one.id},{other.id}"))
        assert one.name in page
        assert "1 car is no longer on sale" in page
        assert "Take off" not in page

    @pytest.mark.parametrize("ids", ["x", ",".join(str(uuid7()) for _ in range(5)), "%00"])
    def test_a_link_that_means_nothing_says_so(self, ids):
        response = Visitor().get(f"/compare/?ids={ids}")
        assert response.status_code == 400
        assert "does not name" in text(response)

    def test_a_cookie_that_was_tampered_with_holds_nothing(self):
        guest = Visitor()
        guest.client.cookies["autosalon_compared"] = "nonsense"
        assert "Nothing is compared yet" in text(guest.get("/compare/"))
        assert guest.post(f"/compare/{uuid7()}/").status_code == 404
        assert guest.get(f"/compare/{uuid7()}/").url == "/compare/"


class TestPictures:
    def test_a_car_with_pictures_shows_them_in_renditions(self):
        one = car()
        first = add_picture(one, 1200, 800, alt="From the left")
        add_picture(one, 2000, 4000)
        page = text(Visitor().get(f"/cars/{one.id}/"))
        assert 'alt="From the left"' in page
        assert 'width="1200" height="800"' in page
        assert page.count(first.renditions["original"]) == 4, "link, picture, thumbnail, and what other sites show"
        assert "<source" not in page
        while run_work_queue(services.RENDER_PICTURES):
            pass
        page = text(Visitor().get(f"/cars/{one.id}/"))
        first.refresh_from_db()
        for kind in ("avif", "webp"):
            assert f'type="image/{kind}"' in page
            assert f"{first.renditions[f'large.{kind}']} 1200w" in page
        assert f'src="/media/{first.renditions["medium"]}"' in page
        assert f'href="/media/{first.renditions["original"]}"' in page
        assert ".avif 1600w" in page
        assert 'href="#picture-2"' in page
        assert "picture 2" in page
        assert page.count('loading="lazy"') == 3, "all but the first and largest"
        assert '<svg class="silhouette' in text(Visitor().get(f"/cars/{car().id}/"))

    def test_a_card_shows_the_cover(self):
        one = car()
        first, second = add_picture(one), add_picture(one, 600, 400)
        services.order_images(product_id=one.id, image_ids=[second.pk])
        page = text(Visitor().get("/cars/"))
        assert second.renditions["medium"] in page
        assert first.renditions["medium"] not in page

    def test_one_picture_needs_no_thumbnails(self):
        one = car()
        add_picture(one)
        assert "gallery-thumbs" not in text(Visitor().get(f"/cars/{one.id}/"))


def test_all_pages_are_in_the_navigation_and_keep_the_content_policy():
    visitor, one = Visitor("client"), car()
    visitor.post(f"/favourites/{one.id}/")
    visitor.post(f"/compare/{one.id}/")
    for path in ("/favourites/", "/saved-searches/", "/compare/"):
        assert f'href="{path}"' in text(visitor.get("/"))
        page = visitor.get(path)
        assert "unsafe" not in page["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)", text(page))
        assert " style=" not in text(page)

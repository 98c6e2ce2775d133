"""Photos that a price list names by their address become pictures of our own, and never lead inside our walls."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone, translation
from PIL import Image
from werkzeug import Response

from accounts.services import create_user
from catalog import services
from catalog.models import OutsidePhoto, PhotoHost, PhotoState, Product, ProductImage
from catalog.models.photos import DELAYS_S
from catalog.providers import photos
from catalog.public.pictures import covers
from catalog.services.imports import ImportOptions, import_file
from catalog.tests import make
from core.db import InsideTransaction, transaction
from messaging.delivery.work_queues import due_work_queues, run_work_queue

pytestmark = pytest.mark.django_db(databases=["catalog"])
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _photos(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PHOTOS_ALLOW_PRIVATE, settings.PHOTOS_PER_MINUTE = True, 60_000


@pytest.fixture
def committing(django_capture_on_commit_callbacks):
    """Do at the end of the block what follows a commit: files of pictures that went are deleted."""
    return lambda: django_capture_on_commit_callbacks(using="catalog", execute=True)


def picture(width=640, height=480, kind="JPEG", colour="red"):
    output = BytesIO()
    Image.new("RGB", (width, height), colour).save(output, kind)
    return output.getvalue()


@pytest.fixture
def shop(httpserver):
    """A server of photos: what lies at each path, and how often it was asked for."""

    def put(path, data=None, **answer):
        answer = {"content_type": "image/jpeg"} | answer
        httpserver.expect_request(path).respond_with_data(picture() if data is None else data, **answer)
        return httpserver.url_for(path)

    put.asked = lambda: [request.path for request, _ in httpserver.log]
    return put


def fetch():
    """Fetch what is due, as the worker does."""
    with translation.override("en"):
        while run_work_queue(services.FETCH_PHOTOS):
            pass


def state(product):
    photo = OutsidePhoto.objects.get(product=product)
    return photo.state, photo.error


def files():
    from django.conf import settings

    return sorted(path.name for path in Path(settings.MEDIA_ROOT).rglob("*.*"))


def test_a_named_photo_becomes_a_picture(shop):
    car = make.product(image_url=shop("/a.jpg", picture(1200, 800)))
    assert covers([car.pk]) == {}
    assert due_work_queues("catalog") == [services.FETCH_PHOTOS]
    fetch()
    photo, image = OutsidePhoto.objects.get(), ProductImage.objects.get()
    assert (photo.state, photo.image, photo.attempts) == (PhotoState.FETCHED, image, 1)
    assert (image.product, image.width, image.height, len(files())) == (car, 1200, 800, 1)
    assert covers([car.pk])[car.pk].urls["small"].startswith("/media/products/")
    fetch()
    assert (shop.asked(), due_work_queues("catalog")) == (["/a.jpg"], [services.RENDER_PICTURES])


def test_a_picture_is_kept_by_browsers_and_a_missing_one_is_not(shop, client):
    car = make.product(image_url=shop("/a.jpg", picture(1200, 800)))
    fetch()
    address = covers([car.pk])[car.pk].urls["small"]
    kept, missing = client.get(address), client.get("/media/products/none.webp")
    assert (kept.status_code, missing.status_code) == (200, 404)
    assert set(kept["Cache-Control"].split(", ")) == {"max-age=31536000", "public", "immutable"}
    assert "immutable" not in missing.get("Cache-Control", "")


def test_another_picture_has_another_address(shop):
    car = make.product(image_url=shop("/a.jpg", picture(1200, 800)))
    fetch()
    first = ProductImage.objects.get()
    other = shop("/b.jpg", picture(1200, 800, colour="blue"))
    services.update_product(product_id=car.pk, image_url=other, actor="tests", now=timezone.now())
    fetch()
    again = ProductImage.objects.get()
    assert set(first.renditions.values()).isdisjoint(again.renditions.values())


def test_an_import_names_photos_and_a_second_one_fetches_nothing_anew(shop, tmp_path, committing):
    lines = [f"{number},Lada,Vesta,2021,1500000,42000,{shop(f'/{number}.jpg')}" for number in range(3)]
    path = tmp_path / "list.csv"

    def load():
        path.write_text("\n".join(["sell_id,brand,model,year,price,kmage,photo", *lines]))
        import_file(path, options=ImportOptions(), actor="tests", now=timezone.now())
        fetch()

    load()
    assert OutsidePhoto.objects.filter(state=PhotoState.FETCHED).count() == ProductImage.objects.count() == 3
    load()
    assert sorted(shop.asked()) == ["/0.jpg", "/1.jpg", "/2.jpg"]
    before = covers([car.pk for car in Product.objects.all()])
    lines[0] = lines[0].replace("1500000", "1400000")
    lines[1] = lines[1].replace("/1.jpg", "/other.jpg")
    shop("/other.jpg", picture(colour="blue"))
    with committing():
        load()
    after = covers(list(before))
    assert sum(before[pk].id != after[pk].id for pk in before) == 1
    assert (ProductImage.objects.count(), len(files()), len(shop.asked())) == (3, 3, 4)


def test_a_dry_run_asks_for_nothing(shop, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"sell_id,brand,model,year,price,kmage,photo\n1,Lada,Vesta,2021,1500000,42000,{shop('/a.jpg')}")
    import_file(path, options=ImportOptions(), actor="tests", now=timezone.now(), dry_run=True)
    assert not OutsidePhoto.objects.exists()


def test_the_new_photo_takes_the_place_of_the_old_one_and_a_deleted_one_stays_away(shop, committing):
    car = make.product(image_url=shop("/a.jpg"))
    fetch()
    services.add_image(product_id=car.pk, file=BytesIO(picture()), now=timezone.now())
    services.update_product(product_id=car.pk, actor="t", now=timezone.now(), image_url=shop("/b.jpg"))
    with committing():
        fetch()
    photo = OutsidePhoto.objects.get()
    assert (photo.image.position, ProductImage.objects.count(), len(files())) == (1, 2, 2)
    services.delete_image(product_id=car.pk, image_id=photo.image_id)
    services.update_product(product_id=car.pk, actor="t", now=timezone.now(), name="Another name")
    fetch()
    assert (ProductImage.objects.count(), shop.asked()) == (1, ["/a.jpg", "/b.jpg"])
    services.fetch_again(photo_id=photo.pk, now=timezone.now())
    fetch()
    assert ProductImage.objects.count() == 2


def test_an_address_taken_away_takes_its_picture_along(shop, committing):
    car = make.product(image_url=shop("/a.jpg"))
    fetch()
    with committing():
        services.update_product(product_id=car.pk, actor="t", now=timezone.now(), image_url="")
    assert not OutsidePhoto.objects.exists()
    assert not ProductImage.objects.exists()
    assert files() == []


def test_what_came_too_late_is_thrown_away(shop):
    car = make.product(image_url=shop("/a.jpg"))
    (wanted,) = services.claim_photos(limit=5, now=timezone.now())
    services.update_product(product_id=car.pk, actor="t", now=timezone.now(), image_url=shop("/b.jpg"))
    services.store_photo(wanted=wanted, data=picture(), now=timezone.now())
    assert (state(car), files()) == ((PhotoState.WAITING, ""), [])
    for record in (services.refuse_photo, lambda **more: services.postpone_photo(wait_s=None, **more)):
        record(wanted=wanted, error="no", now=timezone.now())
        assert state(car) == (PhotoState.WAITING, "")


def test_a_product_that_left_needs_no_photo(shop):
    car, other = (make.product(image_url=shop(path)) for path in ("/a.jpg", "/b.jpg"))
    (wanted,) = services.claim_photos(limit=1, now=timezone.now())
    for one in (car, other):
        services.delete_product(product_id=one.pk, now=timezone.now())
    services.store_photo(wanted=wanted, data=picture(), now=timezone.now())
    fetch()
    assert not OutsidePhoto.objects.exists()
    assert (files(), shop.asked()) == ([], [])


@pytest.mark.parametrize(
    ("data", "answer", "reason"),
    [
        (b"<html>no such photo</html>", {}, "neither JPEG nor PNG nor WebP"),
        (b"", {}, "neither JPEG nor PNG nor WebP"),
        (b"GIF89a" + b"x" * 50, {"content_type": "image/gif"}, "neither JPEG nor PNG nor WebP"),
        (b"\xff\xd8\xff" + b"x" * 50, {}, "Send a picture as JPEG, PNG or WebP."),
        (None, {"status": 404}, "HTTP 404"),
        (None, {"status": 403}, "HTTP 403"),
        (None, {"status": 302, "headers": {"Location": "file:///etc/passwd"}}, "An http or https URL"),
        (None, {"status": 302}, "leads on more than 3 times"),
    ],
)
def test_what_is_no_photo_is_refused_for_good(shop, data, answer, reason):
    car = make.product(image_url=shop("/a", data, **answer))
    fetch()
    found, error = state(car)
    assert (found, reason in error) == (PhotoState.REFUSED, True), error
    assert not ProductImage.objects.exists()
    assert due_work_queues("catalog") == []


def test_a_photo_that_is_too_large_is_refused_whether_it_says_so_or_not(monkeypatch, httpserver, shop):
    monkeypatch.setattr(photos, "MAX_BYTES", 1_000)
    endless = (picture() * 40 for _ in range(3))
    httpserver.expect_request("/b").respond_with_handler(lambda _: Response(endless, content_type="image/jpeg"))
    cars = [make.product(image_url=url) for url in (shop("/a", picture(2000, 2000)), httpserver.url_for("/b"))]
    fetch()
    for car in cars:
        assert "larger than" in state(car)[1]


def test_redirects_are_followed_and_what_the_server_calls_it_is_no_matter(httpserver, shop):
    shop("/real", picture(kind="PNG"), content_type="text/plain")
    shop("/first", b"", status=301, headers={"Location": "/second"})
    shop("/second", b"", status=302, headers={"Location": httpserver.url_for("/real") + "#here"})
    car = make.product(image_url=httpserver.url_for("/first"))
    fetch()
    assert (state(car), shop.asked()) == ((PhotoState.FETCHED, ""), ["/first", "/second", "/real"])


def test_a_redirect_to_no_url_is_refused(shop, monkeypatch):
    car = make.product(image_url=shop("/a", b"", status=302, headers={"Location": "/b"}))
    monkeypatch.setattr(photos, "header", lambda *_: "http://[::1")
    fetch()
    assert state(car) == (PhotoState.REFUSED, "The address leads on to something that is no URL.")


def test_no_way_leads_inside_our_walls(settings, shop, monkeypatch):
    settings.PHOTOS_ALLOW_PRIVATE = False
    inside = shop("/secret.jpg")
    car = make.product(image_url=inside)
    named = make.product(image_url="http://photos.example/a.jpg")
    monkeypatch.setattr("core.outside.open_internet.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.1", 80))])
    fetch()
    for one in (car, named):
        assert state(one) == (PhotoState.REFUSED, "The address is private or reserved.")
    assert shop.asked() == []


def test_a_redirect_inside_is_refused_too(settings, shop, monkeypatch):
    shop("/secret.jpg")
    car = make.product(image_url=shop("/a.jpg", b"", status=302, headers={"Location": "/secret.jpg"}))
    look = photos._look

    def look_once_anywhere(address, deadline):
        found = look(address, deadline)
        settings.PHOTOS_ALLOW_PRIVATE = False
        return found

    monkeypatch.setattr(photos, "_look", look_once_anywhere)
    fetch()
    assert state(car) == (PhotoState.REFUSED, "The address is private or reserved.")
    assert shop.asked() == ["/a.jpg"]


def test_a_host_that_is_away_is_left_alone_longer_each_time_and_the_photo_parked_in_the_end(shop):
    car = make.product(image_url=shop("/a.jpg", b"", status=503))
    now, pauses = timezone.now(), []
    for _ in range(len(DELAYS_S) + 1):
        (wanted,) = services.claim_photos(limit=5, now=now)
        services.postpone_photo(wanted=wanted, error="HTTP 503", wait_s=None, now=now)
        pauses.append((PhotoHost.objects.get().next_at - now).total_seconds())
        assert services.claim_photos(limit=5, now=now + timedelta(seconds=4)) == []
        now += WEEK
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0]
    assert state(car) == (PhotoState.PARKED, "HTTP 503")
    assert services.claim_photos(limit=5, now=now) == []


def test_silence_of_the_host_is_told_from_a_refusal(shop, monkeypatch):
    away = make.product(image_url=shop("/a.jpg", b"", status=429, headers={"Retry-After": "120"}))
    fetch()
    assert state(away) == (PhotoState.WAITING, "HTTP 429")
    assert timedelta(seconds=110) < PhotoHost.objects.get().next_at - timezone.now() <= timedelta(seconds=120)

    def unknown(*_, **__):
        raise OSError("no such name")

    monkeypatch.setattr("core.outside.open_internet.getaddrinfo", unknown)
    unheard = make.product(image_url="http://nowhere.example/a.jpg")
    fetch()
    assert state(unheard) == (PhotoState.WAITING, "The host nowhere.example cannot be found.")


def test_each_host_is_asked_for_one_photo_at_a_time_at_its_pace(settings):
    settings.PHOTOS_PER_MINUTE = 60
    for number in range(3):
        make.product(image_url=f"https://one.example/{number}.jpg")
        make.product(image_url=f"https://two.example/{number}.jpg")
    now = timezone.now()
    assert sorted(one.host for one in services.claim_photos(limit=9, now=now)) == ["one.example", "two.example"]
    assert services.claim_photos(limit=9, now=now + timedelta(seconds=0.9)) == []
    later = services.claim_photos(limit=9, busy={"one.example"}, now=now + timedelta(seconds=1))
    assert [one.host for one in later] == ["two.example"]
    settings.PHOTOS_PER_MINUTE = 0
    assert (services.claim_photos(limit=9, now=now + WEEK), services.is_photo_due(now=now + WEEK)) == ([], False)


def test_what_a_dead_worker_held_is_fetched_after_its_lease_but_not_for_ever():
    car = make.product(image_url="https://one.example/a.jpg")
    now = timezone.now()
    for _ in range(len(DELAYS_S) + 1):
        assert len(services.claim_photos(limit=1, now=now)) == 1
        assert services.claim_photos(limit=1, now=now + timedelta(seconds=59)) == []
        now += timedelta(seconds=61)
    assert services.claim_photos(limit=1, now=now) == []
    assert state(car) == (PhotoState.PARKED, "No worker survived it.")


def test_an_error_of_ours_is_a_failed_attempt(shop, monkeypatch):
    car = make.product(image_url=shop("/a.jpg"))

    def explode(_):
        raise ZeroDivisionError

    monkeypatch.setattr(photos, "fetch", explode)
    fetch()
    assert state(car) == (PhotoState.WAITING, "ZeroDivisionError()")


def test_nothing_is_fetched_inside_a_transaction(shop):
    url = shop("/a.jpg")
    with pytest.raises(InsideTransaction), transaction("catalog"):
        photos.fetch(url)


def test_a_full_set_of_pictures_takes_no_more(shop, monkeypatch):
    monkeypatch.setattr("catalog.services.pictures.MAX_IMAGES", 0)
    car = make.product(image_url=shop("/a.jpg"))
    fetch()
    assert state(car)[0] == PhotoState.REFUSED
    assert files() == []


def test_looking_for_work_takes_one_statement_however_much_waits(django_assert_num_queries):
    for number in range(20):
        make.product(image_url=f"https://one.example/{number}.jpg")
    with django_assert_num_queries(1, using="catalog"):
        assert services.is_photo_due(now=timezone.now())
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_photohost")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(databases=["accounts", "catalog"])
@pytest.mark.parametrize(("role", "status"), [("manager", 200), ("client", 302)])
def test_managers_see_what_was_given_up_and_have_it_fetched_again(client, role, status):
    car = make.product(image_url="https://one.example/a.jpg")
    photo = OutsidePhoto.objects.get()
    photo.park("HTTP 503", now=timezone.now())
    photo.save()
    user = create_user(email="m@example.com", password="correct-horse-battery", roles=[role], now=timezone.now())
    client.force_login(user, backend="accounts.backends.EmailBackend")
    page = client.get("/admin/catalog/outsidephoto/?state__exact=parked")
    assert page.status_code == status
    assert ("HTTP 503" in page.content.decode()) == (status == 200)
    client.post(
        "/admin/catalog/outsidephoto/",
        {"action": "fetch_again", "confirmed": "yes", "_selected_action": [str(photo.pk)]},
    )
    assert state(car)[0] == (PhotoState.WAITING if status == 200 else PhotoState.PARKED)

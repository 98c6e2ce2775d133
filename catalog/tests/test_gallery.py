"""The page of a product's photographs: sending, order, cover, words, deletion; who may, and what it refuses."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from catalog.models import ProductImage
from catalog.tests import make
from catalog.tests.test_admin_screens import browser, text
from core.ids import uuid7

pytestmark = pytest.mark.django_db(databases=["catalog", "accounts"])
SCRIPT = {"Accept": "application/json"}


def file(name="car.jpg", kind="JPEG"):
    output = BytesIO()
    Image.new("RGB", (8, 6), "red").save(output, kind)
    return SimpleUploadedFile(name, output.getvalue())


@pytest.fixture(autouse=True)
def _quick(settings, tmp_path):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def manager():
    return browser("manager")


@pytest.fixture
def page():
    return f"/admin/catalog/product/{make.product().pk}/photos/"


@pytest.fixture
def three(manager, page):
    """Ids of three photographs in their order."""
    manager.post(page, {"photos": [file("a.jpg"), file("b.png", "PNG"), file("c.webp", "WEBP")]})
    return order()


def order():
    return [str(pk) for pk in ProductImage.objects.order_by("position", "id").values_list("pk", flat=True)]


def test_several_are_sent_by_a_plain_form_and_the_page_shows_them(manager, page):
    answer = manager.post(page, {"photos": [file("a.jpg"), file("b.png", "PNG")]}, follow=True)
    shown = text(answer)
    assert "Photographs added: 2." in shown
    assert shown.count("data-photo=") == 2
    assert 'capture="environment"' in shown
    assert "Photograph 2, not described yet" in shown


def test_one_that_is_refused_is_named_and_keeps_no_other_back(manager, page):
    shown = text(manager.post(page, {"photos": [SimpleUploadedFile("x.gif", b"GIF89a"), file()]}, follow=True))
    assert "x.gif: Send a picture as JPEG, PNG or WebP." in shown
    assert ProductImage.objects.count() == 1


def test_a_script_is_told_of_each_what_became_of_it(manager, page):
    answer = manager.post(page, {"photos": [file()]}, headers=SCRIPT)
    assert (answer.status_code, answer.json()) == (201, {"added": 1, "refused": []})
    answer = manager.post(page, {"photos": [SimpleUploadedFile("x.gif", b"GIF89a")]}, headers=SCRIPT)
    assert (answer.status_code, answer.json()["added"]) == (400, 0)


def test_more_than_fit_at_once_are_said_and_left(manager, page, monkeypatch):
    monkeypatch.setattr("catalog.admin.gallery.AT_ONCE", 1)
    shown = text(manager.post(page, {"photos": [file(), file()]}, follow=True))
    assert "At most 1 at once: send the others now." in shown
    assert ProductImage.objects.count() == 1


def test_buttons_move_a_photograph_and_the_keyboard_stays_on_it(manager, page, three):
    first, second, third = three
    shown = text(manager.post(page, {"do": f"up:{third}"}, follow=True))
    assert order() == [first, third, second]
    assert f'value="up:{third}" aria-label="Move photograph 2 forward" autofocus' in shown
    manager.post(page, {"do": f"down:{first}"})
    assert order() == [third, first, second]
    manager.post(page, {"do": f"up:{third}"})
    assert order() == [third, first, second]
    manager.post(page, {"do": f"cover:{second}"})
    assert order() == [second, third, first]


def test_a_script_saves_the_order_of_a_drag(manager, page, three):
    answer = manager.post(page, {"do": "order", "image": list(reversed(three))}, headers=SCRIPT)
    assert answer.status_code == 200
    assert order() == list(reversed(three))
    answer = manager.post(page, {"do": "order", "image": [str(uuid7())]}, headers=SCRIPT)
    assert answer.status_code == 400
    assert order() == list(reversed(three))


def test_descriptions_are_saved_together(manager, page, three):
    first, second, third = three
    shown = text(
        manager.post(page, {"do": "describe", f"alt-{first}": " From the left ", f"alt-{second}": ""}, follow=True)
    )
    assert "The descriptions are saved." in shown
    assert 'alt="From the left"' in shown
    assert ProductImage.objects.get(pk=first).alt == "From the left"
    shown = text(manager.post(page, {"do": "describe", f"alt-{third}": "x" * 201}, follow=True))
    assert "A description has at most 200 characters." in shown
    assert ProductImage.objects.get(pk=third).alt == ""


def test_a_photograph_goes_after_a_question(manager, page, three):
    first, *rest = three
    shown = text(manager.get(f"{page}?delete={first}"))
    assert "Delete this photograph?" in shown
    assert f'value="delete:{first}"' in shown
    assert order() == three
    shown = text(manager.post(page, {"do": f"delete:{first}"}, follow=True))
    assert "The photograph is deleted." in shown
    assert order() == rest


@pytest.mark.parametrize("asked", ["", "up:", "up:x", "fly", "delete:x"])
def test_nonsense_changes_nothing(manager, page, three, asked):
    answer = manager.post(page, {"do": asked}, headers=SCRIPT)
    assert answer.status_code == 404
    assert order() == three


def test_another_products_photograph_is_not_found(manager, three):
    other = f"/admin/catalog/product/{make.product().pk}/photos/"
    for asked in ("up", "cover", "delete"):
        assert manager.post(other, {"do": f"{asked}:{three[0]}"}, headers=SCRIPT).status_code == 404
    assert "Delete this photograph?" not in text(manager.get(f"{other}?delete={three[0]}"))
    assert order() == three


def test_it_is_for_staff_and_for_products_that_are_there(page, manager):
    for outsider in (browser(), browser("client")):
        answer = outsider.post(page, {"photos": [file()]})
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
    assert not ProductImage.objects.exists()
    assert manager.get(f"/admin/catalog/product/{uuid7()}/photos/").status_code == 404
    assert "/photos/" in text(manager.get(page.replace("photos/", "change/")))

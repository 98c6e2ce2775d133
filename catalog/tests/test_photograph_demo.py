"""Photographs of the demo: the same for one car, another for the next, sent once like any upload."""

from io import BytesIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from catalog import services
from catalog.models import Product, ProductImage
from catalog.plugin.demo import create_demo, list_demo_cars
from catalog.tests import make
from config.management.commands import photograph_demo
from devtools.studio import HEIGHT, WIDTH, Sitter, View, photograph

RED = Sitter("седан", "красный", "Lada Vesta", "XTA0000000000001")


def opened(data):
    return Image.open(BytesIO(data))


def test_one_car_looks_the_same_each_time_and_others_do_not():
    first = photograph(RED, View.FRONT)
    assert opened(first).size == (WIDTH, HEIGHT)
    assert photograph(RED, View.FRONT) == first
    assert photograph(RED, View.REAR) != first
    assert photograph(Sitter("седан", "красный", "Lada Vesta", "XTA0000000000002"), View.FRONT) != first


@pytest.mark.parametrize("body", ["седан", "внедорожник 5 дв.", "лифтбек", "минивэн", "дирижабль"])
def test_a_car_stands_in_the_picture_in_its_colour(body):
    red, green, blue = opened(photograph(Sitter(body, "красный", "A", "1"), View.SIDE)).getpixel((WIDTH // 2, 660))
    assert red > 2 * max(green, blue)


@pytest.mark.django_db(databases=["catalog"])
def test_the_demos_cars_are_photographed_once(settings, tmp_path, monkeypatch):
    settings.DATA_DIR, settings.MEDIA_ROOT, settings.DEBUG = tmp_path, tmp_path / "media", True
    monkeypatch.setattr(photograph_demo.os, "nice", lambda _: None)
    output = BytesIO()
    Image.new("RGB", (60, 40), "red").save(output, "JPEG")
    monkeypatch.setattr(photograph_demo, "photograph", lambda sitter, view: output.getvalue())
    create_demo(timezone.now())
    stranger = make.product()
    sent = Product.objects.filter(sku__in=list_demo_cars()).first()
    services.add_image(product_id=sent.pk, file=BytesIO(output.getvalue()), now=timezone.now())
    call_command("photograph_demo")
    cars = len(list_demo_cars())
    assert ProductImage.objects.count() == 1 + (cars - 1) * len(View)
    assert not ProductImage.objects.filter(product=stranger).exists()
    assert ProductImage.objects.filter(alt__endswith="спереди сбоку").count() == cars - 1
    ProductImage.objects.all().delete()
    call_command("photograph_demo")
    assert not ProductImage.objects.exists(), "what was deleted comes back"


def test_a_real_shop_gets_none(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError):
        call_command("photograph_demo")

"""Every main page has its pictures in docs/img, or is named with the reason why not; none is heavy or missing."""

import re

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver
from PIL import Image

from config.settings import BASE_DIR as ROOT
from storefront import urls as shop
from tests.permissions import pages as permissions
from tests.pictures import camera, index
from tests.pictures.left_out import LEFT_OUT
from tests.pictures.pages import PAGES, SCHEMES, SIZES, list_pictures

HEAVIEST_IN_ALL = 12_000_000
"""Bytes: what a clone of the repository pays for them."""
OF_EVERY_MODEL = ("add", "change", "delete", "history")
"""Forms and dialogs that the admin gives to each list; those of interest are pictured besides."""
KINDS = ("actions_detail", "actions_list", "actions_row", "actions_submit_line")
FILES = [one.file for one in list_pictures()]
TEXTS = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))


def shop_pages():
    """Names of the shop's addresses that answer GET."""
    shown = {row.path for row in permissions.pages() if row.method == "GET"}
    return {
        route.name for route in shop.urlpatterns[:-1] if "/" + re.sub(r"<[^>]+>", "{}", str(route.pattern)) in shown
    }


def desk_pages():
    """Names of the admin's pages, without what every model has and without dialogs over a page."""
    usual = {f"{name}_{kind}" for name in _models() for kind in OF_EVERY_MODEL}
    named = {f"admin:{name}" for name in _names(admin.site.get_urls()) if name}
    return named - {f"admin:{name}" for name in usual | _dialogs()}


def main_pages():
    return shop_pages() | desk_pages()


def _models():
    return {
        f"{model._meta.app_label}_{model._meta.model_name}": screen for model, screen in admin.site._registry.items()
    }


def _dialogs():
    return {
        f"{name}_{action}"
        for name, screen in _models().items()
        for kind in KINDS
        for action in getattr(screen, kind, ())
        if hasattr(getattr(screen, action), "dialog")
    }


def _names(patterns):
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _names(one.url_patterns)
        elif isinstance(one, URLPattern):
            yield one.name


def test_every_main_page_is_pictured_or_left_out_for_a_reason():
    pictured = {page.route for page in PAGES}
    left_out = [name for names in LEFT_OUT.values() for name in names]
    assert len(left_out) == len(set(left_out))
    assert main_pages() - pictured - set(left_out) == set(), (
        "add a Page to tests/pictures/pages.py, or a reason to LEFT_OUT"
    )
    assert set(left_out) & pictured == set(), "pictured and left out"
    assert set(left_out) - main_pages() == set(), "left out, and not there"


def test_every_picture_is_there_and_nothing_else_is():
    drawn = {*index.IMAGES.glob("*.svg")}
    assert all(path.name in TEXTS for path in drawn), "a drawing that no page shows"
    there = {str(path.relative_to(index.IMAGES)) for path in {*index.IMAGES.rglob("*.*")} - drawn if path.is_file()}
    assert there == {*FILES, "README.md"}, "make pictures takes what is missing"


def test_names_are_unlike():
    assert len(FILES) == len(set(FILES))


def test_the_index_is_that_of_the_pages():
    assert (index.IMAGES / "README.md").read_text() == index.render(), "make pictures writes it"


@pytest.mark.parametrize("file", FILES)
def test_a_picture_is_light_and_as_large_as_its_screen(file):
    path = index.IMAGES / file
    assert path.stat().st_size <= camera.HEAVIEST
    _name, _language, size, scheme, _kind = path.name.split(".")
    assert size in SIZES
    assert scheme in SCHEMES
    with Image.open(path) as drawn:
        usual = camera.VIEWPORTS[size]
        assert drawn.width == usual["width"]
        assert usual["height"] <= drawn.height <= camera.TALLEST[size]


def test_all_pictures_are_light_together():
    assert sum((index.IMAGES / file).stat().st_size for file in FILES) <= HEAVIEST_IN_ALL


def test_a_heavy_picture_is_drawn_lighter(tmp_path):
    noise = Image.effect_noise((1280, 1000), 90)
    noise.save(tmp_path / "noise.png")
    heavy = camera.compress((tmp_path / "noise.png").read_bytes())
    noise.resize((64, 50)).save(tmp_path / "small.png")
    light = camera.compress((tmp_path / "small.png").read_bytes())
    assert len(light) <= camera.HEAVIEST < len(heavy), "what cannot be light is not dropped: the test of files names it"

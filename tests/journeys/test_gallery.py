"""Look at a car's pictures in a real browser: by buttons, keys, mouse and finger, with scripts and without."""

from io import BytesIO

import pytest
from PIL import Image

from tests.journeys.browser import opened
from tests.product import wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1366, "height": 768}}
COLOURS = ("red", "green", "blue")
SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300);
})"""
CURRENT = "[...document.querySelectorAll('[data-gallery-thumbs] a')].findIndex((one) => one.ariaCurrent === 'true')"
IN_DIALOG = "document.activeElement.closest('dialog[open]') !== null || document.activeElement === document.body"
FOCUSED = "document.activeElement.closest('li[id]')?.id"
SHOWN = "[data-gallery-stage] img"
SAID = "[data-gallery-said]"
WIDER = "(([stage]) => stage.scrollWidth > stage.clientWidth)(document.querySelectorAll('[data-gallery-stage]'))"
ZOOMED = ".gallery-stage.is-zoomed"


def get_base_url(product):
    return f"http://127.0.0.1:{product.port}"


@pytest.fixture(scope="module")
def car(product):
    """A car with three pictures that the worker has rendered."""
    vehicle, manager = product.new_vehicle(), product.token(None, "manager")
    path = f"/products/{vehicle}/images"
    for colour in COLOURS:
        output = BytesIO()
        Image.new("RGB", (2000, 1333), colour).save(output, "JPEG")
        sent = {"file": ("car.jpg", output.getvalue(), "image/jpeg")}
        answer = product.call("POST", path, token=manager, files=sent, data={"alt": f"The {colour} side"})
        assert answer.status_code == 201, answer.text

    def is_rendered():
        return all("large.avif" in one["urls"] for one in product.http.get(path).json())

    wait_for(is_rendered, 90, "no worker makes the renditions")
    return vehicle


def look(page, car):
    page.open(f"/cars/{car}/")
    page.tab.wait_for_selector("[data-gallery-step='1']:not([hidden])")


def be_at(page, number):
    page.tab.wait_for_function(f"() => {CURRENT} === {number}")


def test_pictures_are_stepped_through_enlarged_and_left_by_key(product, car):
    with opened(get_base_url(product), **DESKTOP) as page:
        look(page, car)
        assert page.tab.evaluate("document.querySelector('.gallery-strip img').currentSrc").endswith(".avif")
        page.tab.focus("[data-gallery-strip]")
        page.tab.keyboard.press("ArrowRight")
        be_at(page, 1)
        page.tab.keyboard.press("End")
        be_at(page, 2)
        page.tab.focus("#picture-3 a")
        page.tab.keyboard.press("Enter")
        page.tab.wait_for_selector("dialog[open]")
        assert page.tab.inner_text(SAID) == "Picture 3 of 3"
        assert page.tab.get_attribute(SHOWN, "alt") == "The blue side"
        page.tab.keyboard.press("ArrowLeft")
        assert page.tab.inner_text(SAID) == "Picture 2 of 3"
        page.tab.keyboard.press("+")
        page.tab.wait_for_selector(ZOOMED)
        assert page.tab.get_attribute(SHOWN, "src").endswith(".jpg"), "enlarged, the original is shown"
        assert page.tab.evaluate(WIDER)
        page.tab.keyboard.press("0")
        page.tab.wait_for_selector(ZOOMED, state="detached")
        for _ in range(12):
            page.tab.keyboard.press("Tab")
            assert page.tab.evaluate(IN_DIALOG), "the focus leaves the pictures for the page behind them"
        page.tab.keyboard.press("Escape")
        page.tab.wait_for_selector("dialog[open]", state="detached")
        # the browser first puts the focus where it was, and tells of the end after that
        page.tab.wait_for_function(f"() => {FOCUSED} === 'picture-2'")
        be_at(page, 1)
        assert page.faults() == []


def test_pictures_are_looked_at_by_mouse(product, car):
    with opened(get_base_url(product), **DESKTOP) as page:
        look(page, car)
        assert page.tab.evaluate(SHIFTS) == 0
        page.tab.click("[data-gallery-thumbs] li:nth-child(2) a")
        be_at(page, 1)
        assert "#" not in page.tab.url
        page.tab.wait_for_function("() => document.querySelector('.gallery-strip').scrollLeft > 0")
        page.tab.click(".gallery-frame [data-gallery-step='-1']")
        be_at(page, 0)
        page.tab.click("#picture-1 a")
        page.tab.wait_for_selector("dialog[open]")
        assert not page.tab.locator("dialog [data-gallery-step='-1']").is_visible()
        page.tab.click("dialog [data-gallery-step='1']")
        assert page.tab.inner_text(SAID) == "Picture 2 of 3"
        page.tab.click(SHOWN)
        page.tab.wait_for_selector(ZOOMED)
        page.tab.click("[data-gallery-zoom='-1']")
        page.tab.click("[data-gallery-zoom='-1']")
        page.tab.wait_for_selector(ZOOMED, state="detached")
        page.tab.click("[data-gallery-close]")
        page.tab.wait_for_selector("dialog[open]", state="detached")
        assert page.faults() == []


def swipe(page, left):
    """Draw a finger over the picture, as Chromium hears it from a screen."""
    devtools = page.tab.context.new_cdp_session(page.tab)
    begin, end = (280, 80) if left else (80, 280)
    points = [begin + (end - begin) * part / 8 for part in range(9)]
    for kind, x in [("touchStart", points[0]), *(("touchMove", x) for x in points[1:]), ("touchEnd", None)]:
        touches = [] if x is None else [{"x": x, "y": 400}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_pictures_are_swiped_on_a_phone(product, car):
    with opened(get_base_url(product), language="ru", **PHONE) as page:
        look(page, car)
        page.tab.tap("#picture-1 a")
        page.tab.wait_for_selector("dialog[open]")
        swipe(page, left=True)
        page.tab.wait_for_function("() => document.querySelector('[data-gallery-said]').textContent === 'Фото 2 из 3'")
        swipe(page, left=False)
        page.tab.wait_for_function("() => document.querySelector('[data-gallery-said]').textContent === 'Фото 1 из 3'")
        assert page.tab.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
        sizes = page.tab.eval_on_selector_all(
            "dialog button", "all => all.filter((one) => one.checkVisibility()).map((one) => one.offsetWidth)"
        )
        assert min(sizes) >= 44
        assert page.faults() == []


def test_without_scripts_pictures_are_scrolled_and_open_as_files(product, car):
    with opened(get_base_url(product), java_script_enabled=False, **DESKTOP) as page:
        page.open(f"/cars/{car}/")
        assert not page.tab.locator("[data-gallery-step]").first.is_visible()
        assert not page.tab.locator("[data-gallery-dialog]").is_visible()
        page.tab.click("[data-gallery-thumbs] li:nth-child(2) a")
        page.tab.wait_for_url("**#picture-2")
        page.tab.click("#picture-2 a")
        page.tab.wait_for_url("**/media/products/**.jpg")


def test_cards_with_and_without_a_picture_are_of_one_height(product, car):
    product.new_vehicle()
    with opened(get_base_url(product), **DESKTOP) as page:
        page.open("/cars/?make=Lada")
        stages = "all => all.map((one) => Math.round(one.getBoundingClientRect().height))"
        heights = page.tab.eval_on_selector_all(".vehicle-card .stage", stages)
        assert page.tab.locator(".vehicle-card .stage-photo").count() >= 1
        assert page.tab.locator(".vehicle-card .silhouette").count() >= 1
        assert len(set(heights)) == 1, heights
        assert page.tab.evaluate(SHIFTS) == 0
        assert page.faults() == []

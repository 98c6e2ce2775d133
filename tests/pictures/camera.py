"""A real browser that opens pages as people see them, and keeps what it sees in compact files."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.journeys.browser import FLAGS, READABLE, TOO_WIDE, chromium
from tests.pictures.fleet import HOST
from tests.pictures.pages import GUEST, Picture
from tests.pictures.story import PASSWORD
from tests.test_rendered_text import CODES, foreign_sentences

VIEWPORTS = {"desk": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
TALLEST = {"desk": 1000, "phone": 1100}
"""How much of a long page is kept, in pixels."""
PATIENCE_S = 30
HEAVIEST = 60_000
"""Most bytes of one picture."""
QUALITIES = (52, 44, 36, 28, 20)
QUIET_MS = 300
"""How long a page may draw on once its pictures are there: plots."""
FEED, LIVE = "[data-feed-state]", "[data-feed-state][data-state=live]"
PICTURES_THERE = """async () => {
  const seen = [...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight);
  for (const one of seen) one.loading = "eager";
  await Promise.allSettled(seen.map((one) => one.decode()));
}"""


class Camera:
    """One tab that looks one way, for one person."""

    def __init__(self, context: Any, base: str) -> None:
        self.context, self.base, self.tab = context, base, context.new_page()
        self.faults: dict[str, None] = {}

    def sign_in(self, who: str) -> None:
        """Sign in by the shop's form."""
        self.tab.goto(f"{self.base}/sign-in/?next=/contacts/")
        self.tab.fill("main input[name=email]", who)
        self.tab.fill("main input[name=password]", PASSWORD)
        self.tab.click("main button[type=submit]")
        self.tab.wait_for_url("**/contacts/")

    def take(self, picture: Picture, address: str, file: Path) -> None:
        """Open a page, do what it needs, and keep its top. Raises AssertionError where it is not the page meant."""
        page = picture.page
        answer = self.tab.goto(self.base + address, wait_until="load")
        assert answer.status == page.status, f"{address}: {answer.status}"
        assert page.who == GUEST or "sign-in" not in self.tab.url, f"{address} leads to {self.tab.url}"
        if page.prepare:
            page.prepare(self.tab)
        if self.tab.locator(FEED).count():
            self.tab.wait_for_selector(LIVE)
        self._fit(VIEWPORTS[picture.size], TALLEST[picture.size])
        name = f"{page.address} ({picture.language}, {picture.size})"
        self.faults |= dict.fromkeys(f"{name}: {one}" for one in self._find_faults(picture.language))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(compress(self.tab.screenshot(animations="disabled", caret="hide")))
        self.tab.set_viewport_size(VIEWPORTS[picture.size])

    def _find_faults(self, language: str) -> list[str]:
        """Find codes, ids and words of the other language, and what makes the page wider than its screen."""
        texts = self.tab.evaluate(READABLE)
        strange = [f"raw: {text[:120]}" for text in texts if CODES.search(text)]
        strange += [f"of the other language: {text}" for text in sorted(set(texts) & foreign_sentences(language))]
        return strange + [f"wide: {one}" for one in self.tab.evaluate(TOO_WIDE)]

    def _fit(self, usual: dict[str, int], tallest: int) -> None:
        """Make the window as high as the page, within limits, and wait until what it shows has come."""
        height = min(self.tab.evaluate("document.documentElement.scrollHeight"), tallest)
        self.tab.set_viewport_size(usual | {"height": max(height, usual["height"])})
        self.tab.evaluate(PICTURES_THERE)
        self.tab.wait_for_timeout(QUIET_MS)


@contextmanager
def opened(port: int, first: Picture, states: dict[str, Any]) -> Iterator[Camera]:
    """Open a browser as one person sees it in one language, size and scheme; who signed in before stays so."""
    from playwright.sync_api import sync_playwright

    who = first.page.who if "@" in first.page.who else ""
    rules = f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, rules])
        try:
            context = browser.new_context(
                locale=first.language, color_scheme=first.scheme, viewport=VIEWPORTS[first.size],
                timezone_id="Europe/Moscow", reduced_motion="reduce", storage_state=states.get(who),
                service_workers="block",
            )  # fmt: skip
            context.set_default_timeout(PATIENCE_S * 1000)
            camera = Camera(context, f"http://{HOST}")
            if who and who not in states:
                camera.sign_in(who)
                states[who] = context.storage_state()
            yield camera
        finally:
            browser.close()


def compress(png: bytes) -> bytes:
    """Turn a picture into WebP of the best quality that is light enough, or of the lowest."""
    drawn = Image.open(BytesIO(png)).convert("RGB")
    for quality in QUALITIES:
        kept = BytesIO()
        drawn.save(kept, "WEBP", quality=quality, method=6)
        if kept.tell() <= HEAVIEST:
            break
    return kept.getvalue()

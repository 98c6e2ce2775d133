"""A real browser for journeys: Chromium driven by Playwright, watched for errors and for breaches of the policy."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_S = 90
"""How long a page may take on a machine that does much else."""
WATCH_POLICY = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""
NETWORK = ("net::ERR_", "WebSocket connection", "502", "Failed to load resource")
"""What a browser reports of itself while its server is away."""


def chromium() -> str:
    """Path of a Chromium; skips the test where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        pytest.skip(
            "no Chromium here (Debian: apt-get install chromium, or set CHROMIUM): the browser journey is skipped"
        )
    return found


class Page:
    """A tab, and what went wrong in it."""

    def __init__(self, tab: Any, base: str) -> None:
        self.tab, self.base = tab, base
        self.errors: list[str] = []
        tab.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> None:
        self.tab.goto(self.base + path)

    def mark(self) -> None:
        """Leave a mark that a reload would wipe out."""
        self.tab.evaluate("window.unreloaded = true")

    def is_marked(self) -> bool:
        return bool(self.tab.evaluate("window.unreloaded === true"))

    def faults(self) -> list[str]:
        """Errors that are not the network's."""
        return [error for error in self.errors if not any(word in error for word in NETWORK)]

    def sign_in(self, email: str, path: str) -> None:
        """Sign in by the form and go on to `path`."""
        self.open(f"/sign-in/?next={path}")
        self.tab.fill("main input[name=email]", email)
        self.tab.fill("input[name=password]", "autosalon-demo")
        self.tab.click("main button[type=submit]")
        self.tab.wait_for_url(f"**{path}")


@contextmanager
def opened(base: str, *, language: str = "en", **options: Any) -> Iterator[Page]:
    """A fresh browser with one tab."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            context = browser.new_context(locale=language, **options)
            context.set_default_timeout(PATIENCE_S * 1000)
            context.add_init_script(WATCH_POLICY)
            yield Page(context.new_page(), base)
        finally:
            browser.close()

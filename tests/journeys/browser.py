"""A real browser for journeys: Chromium driven by Playwright, watched for errors and for breaches of the policy."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from tests import node
from tests.test_rendered_text import CODES, MADE_UP, foreign_sentences

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
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .slice(-5).map((one) => one.outerHTML.slice(0, 160))"""
READABLE = """() => {
  const silent = "script, style, code, pre, select, template, noscript, textarea, .material-symbols-outlined";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, inside = node.parentElement;
    const text = node.textContent.trim().replace(/\\s+/g, " ");
    if (text && !inside.closest(silent) && inside.checkVisibility()) texts.push(text);
  }
  return texts;
}"""
"""Texts that a person sees on the page, one for each piece of it."""
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


@cache
def read_axe() -> str:
    """Return the accessibility checker that a page runs; skips the test where Node or its registry cannot be had."""
    return (node.modules() / "axe-core" / "axe.min.js").read_text()


class Page:
    """A tab, and what went wrong in it."""

    def __init__(self, tab: Any, base: str, language: str = "en") -> None:
        self.tab, self.base, self.language = tab, base, language
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

    def require_fit_to_read(self) -> None:
        """Hold the page as it stands to what all need: it fits, axe finds nothing, and it speaks one language."""
        texts = [MADE_UP.sub("", text) for text in self.tab.evaluate(READABLE)]
        wrong = {
            "wider than the screen": self.tab.evaluate(TOO_WIDE),
            "raw": [text for text in texts if CODES.search(text)],
            "of the other language": sorted(set(texts) & foreign_sentences(self.language)),
            "not accessible": self._run_axe(),
        }
        assert not any(wrong.values()), f"{self.tab.url}: {wrong}"

    def _run_axe(self) -> list[str]:
        self.tab.evaluate(read_axe())
        return list(self.tab.evaluate(AXE, RULES))

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
            yield Page(context.new_page(), base, language)
        finally:
            browser.close()

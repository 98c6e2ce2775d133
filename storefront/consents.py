"""Name the text that people agree to when they leave their data in a form, and tell of it."""

from django.http import HttpRequest
from django.utils.translation import get_language

from accounts.services import Agreement
from gateway.guards.address import exact_address

TEXT_VERSION = "2026-11-24"
"""The version of the text at /personal-data/. Other words are a new version: a test holds the two together."""
LANGUAGES = ("ru", "en")


def agreed(request: HttpRequest, door: str) -> Agreement:
    """Return what a visitor agreed to by sending a form."""
    return Agreement(
        door=door, text_version=TEXT_VERSION, language=shown_language(), address=exact_address(request.META)
    )


def shown_language() -> str:
    """Return the language of the text that the visitor could read."""
    language = (get_language() or LANGUAGES[0])[:2]
    return language if language in LANGUAGES else LANGUAGES[0]

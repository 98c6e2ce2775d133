"""Write letters to people: one subject, and what it says as plain text and as HTML that mail programs show alike.

Whatever people gave us may stand in a letter: the templates escape it, and nothing of it begins a header of its own.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

MAX_SUBJECT = 250
MAX_PREVIEW = 140
SWITCHES_OF_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
"""Marks that turn the rest of a line around, so that it reads as something else."""
LOOKS_LIKE_AN_ADDRESS = re.compile(r"[/\\:@<>]|\w\.\w{2,}|\bwww\b", re.IGNORECASE)
MAX_NAME = 60


@dataclass(frozen=True, kw_only=True)
class Link:
    """A button, or a line to follow: what it does, and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of news: its heading, its words, its facts by their names, and where it leads among several."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    link: Link | None = None


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter in one language. `note` says at its foot why it came; `unsubscribe_url` ends letters of its kind."""

    subject: str
    pieces: tuple[Piece, ...]
    language: str
    button: Link | None = None
    note: str = ""
    unsubscribe_url: str = ""

    @property
    def preview(self) -> str:
        """Return the line that mailboxes show beside the subject."""
        text = make_one_line(self.pieces[0].text)
        return text if len(text) <= MAX_PREVIEW else f"{text[: MAX_PREVIEW - 1]}…"


def render_letter(letter: Letter) -> tuple[str, str]:
    """Return a letter as plain text and as HTML."""
    context = {
        "letter": letter,
        "dealer": settings.DEALER["name"],
        "phone": settings.DEALER_PLACE["phone"],
        "home": settings.PUBLIC_URL.rstrip("/") + "/",
    }
    with translation.override(letter.language):
        text = render_to_string("letters/letter.txt", context)
        html = render_to_string("letters/letter.html", context)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", html


def pack_letter(
    letter: Letter, *, to: str, connection: Any = None, headers: Mapping[str, str] | None = None
) -> EmailMultiAlternatives:
    """Return a letter as the message that a mail server is given."""
    text, html = render_letter(letter)
    written = {"Auto-Submitted": "auto-generated", **(headers or {})}
    if letter.unsubscribe_url:
        written |= {
            "List-Unsubscribe": f"<{letter.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    message = EmailMultiAlternatives(
        subject=make_one_line(letter.subject)[:MAX_SUBJECT],
        body=text,
        to=[to],
        connection=connection,
        headers=written,
    )
    message.attach_alternative(html, "text/html")
    return message


def make_one_line(text: str) -> str:
    """Return a text as one line without marks that nobody sees."""
    line = " ".join(text.split())
    return "".join(one for one in line if unicodedata.category(one) != "Cc" and one not in SWITCHES_OF_DIRECTION)


def choose_greeting_name(name: str) -> str:
    """Return a name to greet somebody by; empty for one that reads as an address, or is too long for a name.

    Anybody may register a mailbox of somebody else: a "name" like that would make us send their advertising.
    """
    line = make_one_line(name)
    return "" if len(line) > MAX_NAME or LOOKS_LIKE_AN_ADDRESS.search(line) else line

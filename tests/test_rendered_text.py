"""Read every page of the shop as its visitors do, in both languages: no code, no id, nothing of the other language."""

import re
from html.parser import HTMLParser

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy
from django.utils.translation.trans_real import translation as catalogue

from config.databases import APPS
from messaging.testing import drain_outbox
from storefront.tests.make import Visitor
from tests.permissions import pages
from tests.permissions.test_pages import get_address

pytestmark = pytest.mark.django_db(databases=APPS)
SILENT = ("script", "style", "code", "pre", "option", "template", "title")
CODES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"  # an id
    r"|\b(?:null|None|undefined|NaN|object Object)\b"
    r"|\b[a-z]+(?:_[a-z]+)+\b"  # a name out of the code
    r"|%\(\w+\)s|\{\{|\d\.\d\d RUB\b"
)
MADE_UP = re.compile(r"\b(?:Programme|T-|MAT-)\s?[0-9a-f-]{36}")
"""Names that tests give to what they make."""
OWN_WORDS = {"/account/"}
"""Pages that name machines' things to those who asked for them: keys and their scopes."""
PAGES = [row.path for row in pages.pages() if row.method == "GET" and row.path not in OWN_WORDS]


class Reader(HTMLParser):
    """What stands on a page for people to read."""

    def __init__(self):
        super().__init__()
        self.texts, self.silent = [], 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in SILENT

    def handle_endtag(self, tag):
        self.silent -= tag in SILENT

    def handle_data(self, data):
        if not self.silent and data.strip():
            self.texts.append(" ".join(data.split()))


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader.texts


def foreign_sentences(language):
    """Sentences of the catalogue as they stand in the other language; those that are alike in both are nobody's."""
    with translation.override("ru"):
        both = {
            (original, str(gettext_lazy(original)))
            for original in catalogue("ru")._catalog._catalogs[0]
            if isinstance(original, str) and " " in original
        }
    return {ours if language == "ru" else theirs for ours, theirs in both if ours != theirs}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_nothing_but_words_of_its_language(path, language, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    row = next(one for one in pages.pages() if one.path == path and one.method == "GET")
    roles = ("manager",) if path.startswith("/board") else ("client",)
    owner = Visitor(*roles, language=language)
    address = get_address(row, owner)
    drain_outbox("orders", "payments")
    answer = owner.get(address)
    if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
        return
    texts = [MADE_UP.sub("", text) for text in read(answer.content.decode())]
    raw = [text for text in texts if CODES.search(text)]
    foreign = sorted(set(texts) & foreign_sentences(language))
    assert (raw, foreign) == ([], [])

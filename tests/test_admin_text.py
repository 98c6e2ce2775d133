"""Read the lists and filled pages of the admin in both languages: no code, no id, nothing of the other language."""

import re
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import MultipleObjectsReturned
from django.test import RequestFactory

from config.databases import APPS
from orders.errors import NoTemplate
from storefront.tests.make import Visitor
from tests.permissions import objects
from tests.permissions.screens import screens
from tests.test_rendered_text import CODES, foreign_sentences

pytestmark = pytest.mark.django_db(databases=APPS)
VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
SILENT = {"code", "pre", "script", "style", "template", "textarea", "title"}
STRUCTURES = re.compile(r"\bobject \(|^[\[{].*[\]}]$")
ENGLISH = re.compile(
    r"^(?:[A-Z][a-z]+(?: id| at| ids| name| code| role)|Select .+|No results.*|By whom|Name|Event|Data"
    r"|Reason|Position|Quantity|Order|Version|General|True|False)$"
)
"""Labels of columns and buttons that nobody has said in Russian."""
OWN_WORDS = {
    "financing.programme": "a bank's rules, written as structures",
    "payments.ledgerentry": "books name accounts by their codes",
    "orders.documenttemplate": "papers in both languages, as their authors write them",
    "orders.depositagreement": "the terms as they were agreed, in the language in which they were",
}
MADE_UP = re.compile(r"\b(?:Programme|T-|MAT-)\s?[0-9a-f-]{36}")
SAID_BESIDES = ("aria-label", "placeholder", "title")


class Reader(HTMLParser):
    """Text that stands on a page of the admin for people to read, icons left out, labels read out loud included."""

    def __init__(self):
        super().__init__()
        self.texts, self.open = [], []

    def handle_starttag(self, tag, attrs):
        said = {name: value or "" for name, value in attrs}
        self.texts += [said[name].strip() for name in SAID_BESIDES if said.get(name, "").strip()]
        if tag not in VOID:
            is_silent = tag in SILENT or "material-symbols" in said.get("class", "")
            self.open.append((tag, is_silent))

    def handle_endtag(self, tag):
        while tag not in VOID and self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not any(is_silent for _, is_silent in self.open):
            self.texts.append(" ".join(data.split()))


def fill(app, owner):
    """Make what the tests of an app make for its API, one of each kind, owned by somebody."""
    objects._read_apps()
    for _, maker in sorted(objects._makers.items()):
        if maker.__module__ == f"{app}.tests.objects":
            with suppress(NoTemplate, MultipleObjectsReturned):
                maker(owner)


def read_pages(app, visitor):
    """Yield each list of an app that the visitor may open, and the page of its first row, as (model, texts)."""
    request = RequestFactory().get("/admin/")
    request.user = visitor.user
    for row in screens():
        screen = admin.site.get_model_admin(apps.get_model(row.model))
        if not row.model.startswith(f"{app}.") or not screen.has_view_permission(request):
            continue
        first = screen.get_queryset(request).first()
        page = f"/admin/{row.model.replace('.', '/')}/"
        for address in [page, *([f"{page}{first.pk}/change/"] if first else [])]:
            answer = visitor.get(address)
            assert answer.status_code == 200, address
            reader = Reader()
            reader.feed(answer.content.decode())
            yield row.model, [MADE_UP.sub("", text) for text in reader.texts]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("app", APPS)
def test_a_page_says_nothing_but_words_of_its_language(language, app, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    fill(app, Visitor("client").user.pk)
    told, said = set(), foreign_sentences(language)
    for model, texts in read_pages(app, Visitor("manager", language=language)):
        if model in OWN_WORDS:
            continue
        told |= {(model, text) for text in texts if CODES.search(text) or STRUCTURES.search(text)}
        told |= {(model, text) for text in set(texts) & said}
        if language == "ru":
            told |= {(model, text) for text in texts if ENGLISH.search(text)}
    assert not told, "\n".join(f"{model}: {text}" for model, text in sorted(told))

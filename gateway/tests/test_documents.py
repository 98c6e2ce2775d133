"""The documents of the API are built files: nothing a caller sends makes a process build one."""

import json
import re

import pytest
import yaml
from django.conf import settings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from gateway.document import openapi
from gateway.document import pages as documents

PAGES = ("/api/docs/", "/api/redoc/")


@pytest.fixture(autouse=True)
def no_generation(monkeypatch):
    def get_schema(*args, **options):
        raise AssertionError("generated in a request")

    monkeypatch.setattr(SchemaGenerator, "get_schema", get_schema)


def text(language, kind):
    return openapi.get_document_path(language, kind).read_bytes()


@pytest.mark.parametrize(
    ("path", "headers", "language", "kind"),
    [
        ("/api/schema/", {}, settings.LANGUAGE_CODE, "yml"),
        ("/api/schema", {"Accept-Language": "en"}, "en", "yml"),
        ("/api/schema/?lang=en", {}, "en", "yml"),
        ("/api/schema/?lang=ru", {"Accept-Language": "en"}, "ru", "yml"),
        ("/api/schema/?format=json&lang=en", {}, "en", "json"),
        ("/api/schema/?lang=en", {"Accept": "application/json,*/*"}, "en", "json"),
        ("/api/schema/?lang=en", {"Accept": "application/vnd.oai.openapi+json"}, "en", "json"),
        ("/api/schema/?lang=en", {"Accept": "text/html"}, "en", "yml"),
        ("/api/schema/?format=csv&lang=en", {}, "en", "yml"),
        ("/api/schema/?lang=kl", {"Accept-Language": "en"}, "en", "yml"),
        ("/api/schema/?lang=../../.env", {}, settings.LANGUAGE_CODE, "yml"),
        ("/api/schema/?lang=", {"Accept-Language": "kl"}, settings.LANGUAGE_CODE, "yml"),
    ],
)
def test_the_built_file_is_served(path, headers, language, kind):
    answer = Client().get(path, headers=headers)
    assert (answer.status_code, answer.content == text(language, kind)) == (200, True)
    assert {"Accept", "Accept-Language"} <= set(re.split(r",\s*", answer["Vary"]))


def test_strange_languages_leave_nothing_behind():
    Client().get("/api/schema/")
    before = documents._read.cache_info().currsize
    for number in range(20):
        assert Client().get(f"/api/schema/?lang=q{number}&format=f{number}").status_code == 200
    assert documents._read.cache_info().currsize == before <= 5


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema/?format=json", "/api/asyncapi.yaml"])
def test_who_has_it_already_is_told_so(path):
    answer = Client().get(path)
    again = Client().get(path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    assert Client().get(path, headers={"If-None-Match": '"another"'}).content == answer.content
    assert Client().head(path).status_code == 200
    assert Client().post(path).status_code == 405


@pytest.mark.django_db(databases=["accounts"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_load_nothing_from_elsewhere(path):
    page = Client().get(path, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href|spec-url|data-document)="([^"]+)"', page.content.decode())
    assert len(loaded) >= 4
    assert all(address.startswith("/") for address in loaded), loaded
    assert "/api/schema/?format=json&amp;lang=en" in loaded or "/api/schema?format=json&amp;lang=en" in loaded
    policy = page["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "<script>" not in page.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_take_no_strange_language(path):
    page = Client().get(f"{path}?lang=%22><script>", headers={"Accept-Language": "en"})
    assert "lang=en" in page.content.decode()


def test_languages_differ_in_sentences_only():
    def names(value):
        if isinstance(value, dict):
            return {name: names(item) for name, item in value.items() if name not in ("description", "summary")}
        return [names(item) for item in value] if isinstance(value, list) else value

    english = json.loads(text("en", "json"))
    others = [json.loads(text(language, "json")) for language in openapi.LANGUAGES]
    assert all(names(other) == names(english) for other in others)
    assert yaml.load(text("en", "yml"), yaml.CSafeLoader) == english

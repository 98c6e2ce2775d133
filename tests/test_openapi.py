"""The OpenAPI document: made without a warning, valid, current in the repository, and holding every promised path."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from gateway.document import openapi
from gateway.document.hooks import operations, schemas

PROMISED = """
/auth/register /auth/token /auth/login /auth/refresh /auth/verify /auth/me /users /categories /products
/products/facets /imports /orders /orders/{id} /orders/{id}/timeline /orders/{id}/status /orders/{id}/cancel
/payments /refunds /transactions /ledger/accounts /payment-methods /financing/calculate /financing/programmes
/financing/applications /financing/loans /insurance/quotes /insurance/policies /insurance/claims /clients /events
/event-categories /resources /resource-types /allocations /notifications
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())


def test_the_committed_files_are_current() -> None:
    """Made anew, valid and without a warning, they are what the repository holds, and so what is served."""
    call_command("openapi", "--check")


def test_an_endpoint_that_cannot_be_described_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    from drf_spectacular.drainage import warn

    def get_schema(self: Any, **options: Any) -> dict[str, Any]:
        warn("no serializer found for this view")
        return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}

    monkeypatch.setattr("drf_spectacular.generators.SchemaGenerator.get_schema", get_schema)
    with pytest.raises(CommandError, match="no serializer found"):
        call_command("openapi", "--check")


def test_it_holds_every_promised_path(document: dict[str, Any]) -> None:
    paths = {path.removeprefix("/api/v1").rstrip("/") for path in document["paths"]}
    assert [path for path in PROMISED.split() if path not in paths] == []


def test_every_operation_names_its_refusals(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if not path.startswith("/health"):
            assert "400" in operation["responses"], f"{method} {path}"
            assert ("429" in operation["responses"]) == ("x-rate-limit" in operation), f"{method} {path}"
    assert settings.SPECTACULAR_SETTINGS["OAS_VERSION"].startswith("3.1")


def test_what_hangs_on_one_product_takes_no_filter_of_the_list(document: dict[str, Any]) -> None:
    """Its actions inherit the list's filters from drf-spectacular, and refuse every one of them."""
    below = [path for path in document["paths"] if path.startswith("/api/v1/products/{id}/")]
    taken = {
        parameter["name"]
        for path, _method, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if path in below and parameter.get("in") == "query"
    }
    assert taken == {"cursor", "page_size"}


def test_generators_find_a_name_for_everything(document: dict[str, Any]) -> None:
    """Name what has no name after its place: it changes its name when something near it changes."""
    named = document["components"]["schemas"]
    inside = [part for component in named.values() for part in schemas(component) if part is not component]
    inside += schemas(list(document["paths"].values()))
    assert [part for part in inside if "enum" in part or "properties" in part] == []


def test_nothing_is_described_under_two_names(document: dict[str, Any]) -> None:
    """With and without its app before it: a client could not hand the one to where the other is wanted."""
    named = document["components"]["schemas"]
    pairs = [(name, f"{app.capitalize()}{name}") for name in named for app in settings.APPS]
    assert [pair for pair in pairs if named[pair[0]] == named.get(pair[1])] == []

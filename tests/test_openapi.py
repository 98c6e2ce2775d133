"""The OpenAPI document: made without a warning, valid, current in the repository, and holding every promised path."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from gateway import openapi
from gateway.schema_hooks import METHODS

PROMISED = """
/auth/register /auth/token /auth/login /auth/refresh /auth/verify /auth/me /users /categories /products
/products/facets /imports /orders /orders/{id} /orders/{id}/timeline /orders/{id}/status /orders/{id}/cancel
/payments /refunds /transactions /ledger/accounts /payment-methods /financing/calculate /financing/programmes
/financing/applications /financing/loans /insurance/quotes /insurance/policies /insurance/claims /clients /events
/event-categories /resources /resource-types /allocations /notifications
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(openapi.path_of(openapi.LANGUAGE, "json").read_text())


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
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in METHODS and not path.startswith("/health"):
                assert {"400", "429"} <= set(operation["responses"]), f"{method} {path}"
    assert settings.SPECTACULAR_SETTINGS["OAS_VERSION"].startswith("3.1")

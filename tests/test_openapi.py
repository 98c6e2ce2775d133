"""The OpenAPI document: generated without a warning, valid, and holding every promised path."""

from pathlib import Path

import yaml
from django.conf import settings
from django.core.management import call_command

PROMISED = """
/auth/register /auth/token /auth/login /auth/refresh /auth/verify /auth/me /users /categories /products
/products/facets /imports /orders /orders/{id} /orders/{id}/timeline /orders/{id}/status /orders/{id}/cancel
/payments /refunds /transactions /ledger/accounts /payment-methods /financing/calculate /financing/programmes
/financing/applications /financing/loans /insurance/quotes /insurance/policies /insurance/claims /clients /events
/event-categories /resources /resource-types /allocations /notifications
"""


def test_it_is_generated_without_a_warning_and_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    paths = {path.removeprefix("/api/v1").rstrip("/") for path in yaml.safe_load(file.read_text())["paths"]}
    assert [path for path in PROMISED.split() if path not in paths] == []


def test_every_operation_names_its_refusals(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yml"
    call_command("spectacular", "--file", str(file))
    for path, operations in yaml.safe_load(file.read_text())["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "put", "patch", "delete"):
                assert {"400", "429"} <= set(operation["responses"]), f"{method} {path}"
    assert settings.SPECTACULAR_SETTINGS["OAS_VERSION"].startswith("3.1")

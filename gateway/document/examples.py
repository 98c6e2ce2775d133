"""Examples of what operations take and answer: recorded from this server's own tests by `make examples`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from gateway.document.hooks import operations
from gateway.document.refusals import Node

FILE = Path(settings.BASE_DIR) / "docs" / "examples.json"
KINDS = ("application/json", "application/x-www-form-urlencoded")


@cache
def recorded() -> dict[str, Node]:
    """Return what is recorded of each operation, by its method and path: `test`, `request` and `responses`."""
    found: dict[str, Node] = json.loads(FILE.read_text())
    return found


def add_examples(result: Node, **_: Any) -> Node:
    """Put them beside the schemas; they are the same in every language of the document."""
    for path, method, operation in operations(result):
        example = recorded().get(f"{method} {path}", {})
        if "request" in example:
            _add(operation.get("requestBody", {}), example["request"])
        for status, answer in example.get("responses", {}).items():
            _add(operation["responses"].get(status, {}), answer)
    return result


def _add(described: Node, value: Any) -> None:
    for kind in KINDS:
        if kind in described.get("content", {}):
            described["content"][kind]["example"] = value

"""The OpenAPI documents before two linters that other people's tools are built on: neither has a word to say."""

import json
from pathlib import Path

import pytest

from gateway.document import openapi
from tests import node

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]  # the first one to come installs them
DOCUMENTS = [openapi.get_document_path(language, "json") for language in openapi.LANGUAGES]
CONFIG = node.HERE / "redocly.yaml"
RULES = node.HERE / "spectral.yaml"


def redocly(document: Path) -> list[str]:
    result = node.run("redocly", "lint", document, "--config", CONFIG, "--format", "json")
    problems = json.loads(result.stdout)["problems"]
    return [f"{each['ruleId']}: {each['message']} {each['location'][0]['pointer']}" for each in problems]


def spectral(document: Path) -> list[str]:
    result = node.run("spectral", "lint", document, "--ruleset", RULES, "--format", "json", "--quiet")
    return [f"{each['code']}: {each['message']} {'/'.join(each['path'])}" for each in json.loads(result.stdout)]


@pytest.mark.parametrize("lint", [redocly, spectral])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_found(document, lint):
    assert lint(document) == []


WRONG = {
    "openapi": "3.1.0",
    "info": {"title": "Careless", "version": "1"},
    "tags": [],
    "paths": {
        "/orders": {
            "get": {
                "tags": ["unheard-of"],
                "responses": {
                    "200": {
                        "description": "Orders.",
                        "content": {"application/json": {"schema": {"type": "integer"}, "example": "three"}},
                    }
                },
            }
        }
    },
}


@pytest.mark.parametrize(
    ("lint", "rules"),
    [
        (redocly, {"no-invalid-media-type-examples", "operation-operationId", "operation-description"}),
        (spectral, {"oas3-valid-media-example", "operation-operationId", "operation-tag-defined"}),
    ],
)
def test_a_careless_document_is_told_of(tmp_path, lint, rules):
    """Were the rules off, the silence above would prove nothing."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(WRONG))
    assert rules <= {each.partition(":")[0] for each in lint(document)}


def test_every_tag_is_explained_and_used():
    document = json.loads(DOCUMENTS[0].read_text())
    used = {
        tag for item in document["paths"].values() for operation in item.values() for tag in operation.get("tags", ())
    }
    assert used == {tag["name"] for tag in document["tags"]}

"""A client that knows the API from its OpenAPI document alone, as a generated one does, and is stricter than those.

A call names an operation; path, query, headers and body are taken only where the document declares them, what it sends
is valid by the document, and of an answer it believes only what the document promised.
"""

from typing import Any
from urllib.parse import quote

import httpx2

from tests import contract


class Undeclared(Exception):
    """The document knows no such operation, parameter, body or answer."""


class DocumentClient:
    """`client.call("orders_create", body={…}, idempotency_key="one")`: (status, body, headers) of what came back."""

    def __init__(self, http: httpx2.Client, document: dict[str, Any]) -> None:
        self.http, self.document, self.token = http, document, ""
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def call(self, name: str, body: Any = None, **arguments: Any) -> tuple[int, Any, Any]:
        """Make one call. Raises Undeclared."""
        if name not in self.operations:
            raise Undeclared(name)
        method, path, operation = self.operations[name]
        declared = {self._argument(each): each for each in map(self._resolved, operation.get("parameters", []))}
        if strange := set(arguments) - set(declared):
            raise Undeclared(f"{name} takes no {', '.join(sorted(strange))}")
        if missing := {key for key, each in declared.items() if each.get("required")} - set(arguments):
            raise Undeclared(f"{name} needs {', '.join(sorted(missing))}")
        query, headers = {}, {}
        for key, value in arguments.items():
            each = declared[key]
            match each["in"]:
                case "path":
                    path = path.replace(f"{{{each['name']}}}", quote(str(value), safe=""))
                case "query":
                    query[each["name"]] = value
                case "header":
                    headers[each["name"]] = str(value)
        if {"bearer": []} in operation["security"] and self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            self._check_body(name, path, method, operation, body)
        address = self.http.base_url.join(path)
        answer = self.http.request(method, address, params=query, headers=headers, json=body)
        return self._believed(name, operation, answer)

    def _argument(self, parameter: dict[str, Any]) -> str:
        return str(parameter["name"]).lower().replace("-", "_")

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            reference, node = node["$ref"], self.document
            for key in reference.removeprefix("#/").split("/"):
                node = node[key]
        return node

    def _check_body(self, name: str, path: str, method: str, operation: dict[str, Any], body: Any) -> None:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            raise Undeclared(f"{name} takes no JSON body")
        template = self.operations[name][1].replace("~", "~0").replace("/", "~1")
        validator = contract.validator(f"/paths/{template}/{method}/requestBody/content/application~1json/schema")
        if wrong := [error.message for error in validator.iter_errors(body)]:
            raise Undeclared(f"{name} takes no such body: {wrong}")

    def _believed(self, name: str, operation: dict[str, Any], answer: httpx2.Response) -> tuple[int, Any, Any]:
        status = str(answer.status_code)
        if status not in operation["responses"]:
            raise Undeclared(f"{name} answers {status}: {answer.text}")
        declared = self._resolved(operation["responses"][status])
        known = {header.lower() for header in declared.get("headers", {})}
        headers = {key.lower(): value for key, value in answer.headers.items() if key.lower() in known}
        return answer.status_code, answer.json() if answer.content else None, headers

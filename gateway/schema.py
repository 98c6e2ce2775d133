"""The OpenAPI document: msgspec Structs of the fast lane, and problem+json for every refusal."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import force_instance

from gateway.schema_hooks import METHODS

F = TypeVar("F", bound=Callable[..., Any])
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
        "request_id": {"type": "string"},
    },
}
REFUSALS = {
    "400": "Invalid input",
    "401": "No token, or not a valid one",
    "403": "The role does not allow this",
    "404": "Not found",
    "409": "Conflict with the current state",
    "412": "If-Match failed",
    "413": "The body is too large",
    "415": "Unsupported media type",
    "422": "Idempotency-Key used with another body",
    "429": "Too many requests",
    "503": "Temporarily unavailable",
}


class AutoSchema(SpectacularSchema):
    """Reads an action's lane where it has one."""

    def _lane(self) -> Any:
        return getattr(getattr(self.view, self.method_name(), None), "lane", None)

    def method_name(self) -> str:
        """Name of the view's method behind this operation."""
        return getattr(self.view, "action", None) or self.method.lower()

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        """Two apps may call different things the same: a component's name begins with its app's."""
        name = str(super()._get_serializer_name(serializer, direction, bypass_extensions))
        app = type(force_instance(serializer)).__module__.partition(".")[0]
        return f"{app.capitalize()}{name}" if app in settings.APPS else name

    def get_request_serializer(self) -> Any:
        declared = self._lane()
        return declared.request_type if declared else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        declared = self._lane()
        return {declared.status: declared.response_type} if declared else super().get_response_serializers()

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        other = getattr(getattr(self.view, self.method_name(), None), "or_list_of", None)
        if other is not None:
            content = bodies["200"]["content"]["application/json"]
            plain = {"type": "array", "items": self.resolve_serializer(other, direction).ref}
            content["schema"] = {"oneOf": [content["schema"], plain]}
        return bodies


def or_list_of(serializer: Any) -> Callable[[F], F]:
    """Describe an action that answers with a bare list of these instead, where a parameter asks for it."""

    def declare(method: F) -> F:
        method.or_list_of = serializer  # type: ignore[attr-defined]
        return method

    return declare


class StructExtension(OpenApiSerializerExtension):
    """A msgspec Struct as a component."""

    target_class = msgspec.Struct
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        (schema,), components = msgspec.json.schema_components([self.target], ref_template="{name}")
        return cast(dict[str, Any], _inlined(schema, components))


def _inlined(schema: Any, components: dict[str, Any]) -> Any:
    """The schema with every nested Struct written out where it stands."""
    if isinstance(schema, list):
        return [_inlined(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"]], components)
    return {name: _inlined(value, components) for name, value in schema.items() if name != "title"}


class BearerScheme(OpenApiAuthenticationExtension):
    """How the gateway authenticates."""

    target_class = "gateway.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the refusals every operation may answer with."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"Problem{status}": {"description": description, "content": content} for status, description in REFUSALS.items()
    }
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            if method in METHODS:
                for status in REFUSALS:
                    operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    return result

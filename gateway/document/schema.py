"""Describe one operation: the fast path's Structs, sentences, and the headers that its action honours."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from drf_spectacular.drainage import error
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import ResolvedComponent, force_instance, get_doc
from rest_framework.serializers import ChoiceField, EmailField, TimeField, URLField

from gateway.document.hooks import describe_headers
from gateway.document.reach import collect_promises
from gateway.fast_path import OpenStruct

F = TypeVar("F", bound=Callable[..., Any])
VERBS = {
    "list": "list", "retrieve": "one", "create": "create", "update": "replace", "partial_update": "change",
    "destroy": "delete",
}  # fmt: skip


class AutoSchema(SpectacularSchema):
    """Read an action's fast path where it has one."""

    def _fast_path(self) -> Any:
        return getattr(self._action(), "fast_path", None)

    def _write(self) -> Any:
        return getattr(self._action(), "write", None)

    def _action(self) -> Any:
        return getattr(self.view, self.method_name(), None)

    def method_name(self) -> str:
        """Name of the view's method behind this operation."""
        return getattr(self.view, "action", None) or self.method.lower()

    def get_operation(self, *args: Any, **options: Any) -> Any:
        """Add what every operation of the edge has: a summary, its limit, and the headers it honours."""
        operation = super().get_operation(*args, **options)
        if operation is None:
            return None
        operation.setdefault("summary", self._sentence())
        operation.setdefault("security", [])
        fast_path, name = self._fast_path(), self.method_name()
        if fast_path or self.view.throttle_classes:
            scopes = getattr(self.view, "throttle_scopes", {})
            operation["x-rate-limit"] = {"scope": fast_path.scope if fast_path else scopes.get(name, "default")}
        describe_headers(operation, self.method.lower(), self._promises(fast_path))
        return operation

    def _promises(self, fast_path: Any) -> frozenset[str]:
        write = self._write()
        if write is not None:
            kept = collect_promises(type(self.view), write.action)
            return kept | ({"Idempotency-Key"} if write.once else frozenset())
        if fast_path is None:
            return collect_promises(type(self.view), self._action().__func__)
        kept = collect_promises(type(self.view), fast_path.action)
        kept |= {"Idempotency-Key"} if fast_path.idempotent_on else frozenset()
        has_tag = "ETag" in kept or "version" in getattr(fast_path.response_type, "__struct_fields__", ())
        return kept | ({"If-None-Match"} if self.method == "GET" and has_tag else frozenset())

    def get_description(self) -> str:  # type: ignore[override]
        """Say what the action's own words say, or else those of its view; never those of a base class."""
        return self._own_words() or get_doc_of_class(type(self.view))

    def _own_words(self) -> str:
        action = self._action()
        fast_path = getattr(action, "fast_path", None)
        method = fast_path.action if fast_path else action
        return "" if getattr(method, "__module__", "rest_framework").startswith("rest_framework") else get_doc(method)

    def _sentence(self) -> str:
        words = " ".join(self._own_words().split())
        if words:
            return words.partition(". ")[0].rstrip(".")
        things = [part for part in self.path.strip("/").split("/") if "{" not in part][-1].replace("-", " ")
        verb = VERBS.get(self.method_name(), self.method_name().replace("_", " "))
        return things.capitalize() if verb in things else f"{things.capitalize()}: {verb}"

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        """Two apps may call different things the same: a component's name begins with its app's."""
        name = str(super()._get_serializer_name(serializer, direction, bypass_extensions))
        kind = serializer if isinstance(serializer, type) else type(force_instance(serializer))
        return _prefixed(kind, name.lstrip("_"))

    def get_request_serializer(self) -> Any:
        if self._write():
            return self._write().request
        declared = self._fast_path()
        return declared.request_type if declared else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if self._write():
            return self._write().responses
        declared = self._fast_path()
        if declared and declared.response_type:
            return {declared.status: declared.response_type}
        return super().get_response_serializers()

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Tell whether a bare serializer stands for a page of them; one that is a page already does not."""
        if isinstance(serializer, type) and issubclass(serializer, msgspec.Struct):
            return False
        if "results" in getattr(serializer, "_declared_fields", {}):
            return False
        return bool(super()._is_list_view(serializer))

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """Say what is sent: a model's empty choice, and times of day as the clock on the wall shows them."""
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, TimeField) and isinstance(schema, dict):
            schema.pop("format", None)
            schema["pattern"] = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$"
        if isinstance(field, ChoiceField) and "enum" in schema and "" not in schema["enum"] and _may_be_empty(field):
            schema["enum"] = [*schema["enum"], ""]
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Refuse names that a request's schema does not declare, as `strict_input` does; answers may grow."""
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "request" and not getattr(serializer, "ignores_unknown", False):
            schema["additionalProperties"] = False
        return schema

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        """An address that may be left out is an empty text, which no address is."""
        super()._insert_field_validators(field, schema)
        if isinstance(field, URLField | EmailField) and (field.allow_blank or _may_be_empty(field)):
            schema.pop("format", None)

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        other = getattr(getattr(self.view, self.method_name(), None), "or_list_of", None)
        if other is not None:
            content = bodies["200"]["content"]["application/json"]
            plain = {"type": "array", "items": self.resolve_serializer(other, direction).ref}
            content["schema"] = {"oneOf": [content["schema"], plain]}
        other = getattr(self._action(), "or_one_of", None)
        if other is not None:
            content = bodies["200"]["content"]["application/json"]
            content["schema"] = {"oneOf": [content["schema"], self.resolve_serializer(other, direction).ref]}
        return bodies


def get_doc_of_class(view_class: type) -> str:
    """Return the words that the class itself has."""
    return get_doc(view_class) if view_class.__dict__.get("__doc__") else ""


def _may_be_empty(field: Any) -> bool:
    """A read-only field of a model forgets that its column may be empty."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    columns = {column.name: column for column in model._meta.get_fields()} if model else {}
    return field.read_only and bool(getattr(columns.get(field.source), "blank", False))


def _prefixed(kind: type, name: str) -> str:
    app = kind.__module__.partition(".")[0]
    return f"{app.capitalize()}{name}" if app in settings.APPS else name


def or_list_of(serializer: Any) -> Callable[[F], F]:
    """Describe an action that answers with a bare list of these instead, where a parameter asks for it."""

    def declare(method: F) -> F:
        method.or_list_of = serializer  # type: ignore[attr-defined]
        return method

    return declare


def or_one_of(serializer: Any) -> Callable[[F], F]:
    """Describe an action that answers with one of these instead, where the request asks for it."""

    def declare(method: F) -> F:
        method.or_one_of = serializer  # type: ignore[attr-defined]
        return method

    return declare


class StructExtension(OpenApiSerializerExtension):
    """A msgspec Struct as a component, and every Struct in it as one of its own."""

    target_class = msgspec.Struct
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def get_identity(self, auto_schema: Any, direction: Any) -> str:
        """The same by itself and inside another Struct, where only the name is known."""
        return _prefixed(self.target, self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        app = _prefixed(self.target, "")
        _, found = msgspec.json.schema_components([self.target], ref_template=f"#/components/schemas/{app}{{name}}")
        for name in {kind.__name__ for kind in OpenStruct.__subclasses__()} & set(found):
            found[name]["additionalProperties"] = True
        own: dict[str, Any] = found.pop(self.target.__name__)
        for name, schema in found.items():
            component = ResolvedComponent(
                name=f"{app}{name}", type=ResolvedComponent.SCHEMA, schema=schema, object=f"{app}{name}"
            )
            auto_schema.registry.register_on_missing(component)
            if auto_schema.registry[component].schema != schema:
                error(f"two Structs of {app} are called {name}")
        return own


class BearerScheme(OpenApiAuthenticationExtension):
    """Scheme by which the gateway authenticates."""

    target_class = "gateway.access.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

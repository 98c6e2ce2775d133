"""Provide what every app's views are built from."""

from datetime import datetime
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from core.ids import UUID_PATTERN, with_ids
from core.secrecy.cards import THINGS, may_hold_card_number, refuse_card_numbers
from gateway.access import step_up
from gateway.principal import Principal
from gateway.requests.etags import etag
from gateway.responses.rendering import send_as_asked


class ApiViewSet(GenericViewSet):
    """Base of all viewsets: `principal` is the caller, `uuid` lookups, ETags on single objects."""

    lookup_value_regex = UUID_PATTERN
    throttle_scopes: dict[str, str] = {}
    ordering_fields: dict[str, str] = {}
    idempotent_on = ""
    """Alias whose transaction holds the Idempotency-Keys of this viewset's writes."""

    @property
    def principal(self) -> Principal:
        """The signed-in caller; permissions have made sure there is one."""
        return cast(Principal, self.request.user)

    def now(self) -> datetime:
        """The clock of this viewset's writes."""
        return timezone.now()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: str) -> HttpResponseBase:
        """Give actions the ids of a path as UUIDs."""
        return super().dispatch(request, *args, **with_ids(kwargs))

    def attend(self, request: HttpRequest, principal: Principal | None, path: dict[str, Any]) -> Request:
        """Return the request as DRF's filters and pages know it, on a view that a fast path has made."""
        if getattr(self, "request", None) is None:
            self.request, self.args, self.kwargs, self.format_kwarg = Request(request), (), path, None
            self.request.user = cast(Any, principal)
        return self.request

    def valid(self, serializer_class: type[Serializer], **options: Any) -> Any:
        """The request's body as `serializer_class` understands it; raises ValidationError.

        By PUT, what is absent stays, as by PATCH: defaults are for what is new. A program that knows fewer fields than
        an object has would empty the others.
        """
        serializer = serializer_class(data=self.request.data, **options)
        serializer.is_valid(raise_exception=True)
        if self.request.method != "PUT":
            return serializer.validated_data
        absent = {field.source for name, field in serializer.fields.items() if name not in self.request.data}
        return {name: value for name, value in serializer.validated_data.items() if name not in absent}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Keep a JSON body: the parser and the fingerprint of an Idempotency-Key both read it."""
        if request.content_type == "application/json":
            _ = request.body
        return super().initialize_request(request, *args, **kwargs)

    def check_permissions(self, request: Any) -> None:
        """Count a request before it may be refused for its role: guessing is limited too."""
        super().check_throttles(request)
        super().check_permissions(request)
        caller = request.user if isinstance(request.user, Principal) else None
        step_up.name(lambda: caller)
        if request.content_type == "application/json" and may_hold_card_number(request._request.body):
            refuse_card_numbers(request.data, but=THINGS)

    def check_throttles(self, request: Any) -> None:
        """Done before the permissions."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give a single object with a version its ETag, and a file the name of its kind that was asked for."""
        response = super().finalize_response(request, response, *args, **kwargs)
        send_as_asked(request._request, response)
        data = getattr(response, "data", None)
        if isinstance(data, dict) and isinstance(data.get("version"), int) and "ETag" not in response:
            response["ETag"] = etag(data["version"])
        return response


class Router(SimpleRouter):
    """Paths that work with and without the trailing slash."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)
        self.trailing_slash = "/?"

"""What every app's views are built from."""

from typing import Any

from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from gateway.etags import etag
from gateway.principal import Principal


class ApiViewSet(GenericViewSet):
    """Base of all viewsets: `principal` is the caller, `uuid` lookups, ETags on single objects."""

    lookup_value_regex = "[0-9a-fA-F-]{36}"
    throttle_scopes: dict[str, str] = {}
    ordering_fields: dict[str, str] = {}

    @property
    def principal(self) -> Principal:
        """The signed-in caller; permissions have made sure there is one."""
        user: Principal = self.request.user
        return user

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give a single object with a version its ETag."""
        response = super().finalize_response(request, response, *args, **kwargs)
        data = getattr(response, "data", None)
        if isinstance(data, dict) and isinstance(data.get("version"), int) and "ETag" not in response:
            response["ETag"] = etag(data["version"])
        return response


class Router(SimpleRouter):
    """Paths that work with and without the trailing slash."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)
        self.trailing_slash = "/?"

"""Every refusal as problem+json (RFC 9457), rendered in this one place."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standardized
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from core.errors import DomainError, InvalidInput
from core.postgres.breakers import DatabaseAway
from gateway.requests import wording
from gateway.responses import malformed

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: gettext_lazy("Invalid input"),
    401: gettext_lazy("Not authenticated"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Method not allowed"),
    408: gettext_lazy("Too slow"),
    409: gettext_lazy("Conflict"),
    410: gettext_lazy("Gone"),
    412: gettext_lazy("Precondition failed"),
    413: gettext_lazy("Too large"),
    415: gettext_lazy("Unsupported media type"),
    422: gettext_lazy("Unprocessable"),
    428: gettext_lazy("Precondition required"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Internal error"),
    503: gettext_lazy("Unavailable"),
}
log = structlog.get_logger(__name__)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> HttpResponse:
    """Build a problem document; `extra` becomes members of its own."""
    body = {
        "type": f"urn:autosalon:problem:{code}",
        "title": str(TITLES.get(status) or _("Error")),
        "status": status,
        "code": code,
        "detail": str(detail),
        "errors": errors or [],
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
    } | extra
    response = HttpResponse(msgspec.json.encode(body), status=status, content_type=CONTENT_TYPE, headers=headers)
    response["Content-Language"], response["Vary"] = get_language() or settings.LANGUAGE_CODE, "Accept-Language"
    return response


FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Forms that refusals take under paths that begin so: what a client of another system's contract reads."""


def in_form(path: str, response: HttpResponse) -> HttpResponse:
    """Return the answer; a problem document under a path with a form of its own, in that form."""
    if response.headers.get("Content-Type") != CONTENT_TYPE:
        return response
    form = next((form for prefix, form in FORMS.items() if path.startswith(prefix)), None)
    if form is None:
        return response
    response.content = msgspec.json.encode(form(msgspec.json.decode(response.content)))
    response["Content-Type"] = "application/json"
    return response


_INDEX = re.compile(r"\[(\d+)\]")
"""A place in a list, as msgspec writes it; in field names it is `.0`, as in refusals of our own."""


def from_domain_error(error: DomainError) -> HttpResponse:
    """Render a refusal of the business, or what it says instead: that the action waits for a second person."""
    if error.status < 400:
        return HttpResponse(msgspec.json.encode(error.extra), status=error.status, content_type="application/json")
    errors = error.errors if isinstance(error, InvalidInput) else None
    headers = dict(getattr(error, "headers", {}))
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(error.status, error.code, error.detail, errors=errors, headers=headers, **error.extra)


def from_exception(error: Exception, request: HttpRequest) -> HttpResponse:
    """Render anything a view let through, DRF's own refusals too; only a surprise is logged, once."""
    if isinstance(error, APIException):
        context: Any = {"request": request, "view": None, "args": (), "kwargs": {}}
        refused = standardized(error, context)
        assert refused is not None
        return _from_drf(refused)
    if isinstance(error, malformed.MALFORMED):
        return _from_malformed(error, request)
    return _from_others(error, request)


def _from_malformed(error: Exception, request: HttpRequest) -> HttpResponse:
    malformed.record(error, request)
    if isinstance(error, RequestDataTooBig):
        return problem(413, "body_too_large", _("The request body is too large."))
    return problem(400, "bad_request", _("The request is malformed."))


def _from_others(error: Exception, request: HttpRequest) -> HttpResponse:
    match error:
        case DomainError():
            return from_domain_error(error)
        case msgspec.ValidationError():
            return invalid_body(error)
        case msgspec.DecodeError() | UnicodeDecodeError():
            return problem(400, "parse_error", wording.say_not_json(error))
        case Http404():
            return problem(404, "not_found", _("Not found."))
        case PermissionDenied():
            return problem(403, "permission_denied", _("Not allowed."))
        case OperationalError() | InterfaceError():
            if not isinstance(error, DatabaseAway):
                log.error("database_unavailable", path=request.path, error=repr(error))
            return unavailable()
        case _:
            log.error("unhandled_error", path=request.path, method=request.method, exc_info=error)
            return problem(500, "internal_error", _("Something went wrong on our side."))


def unavailable() -> HttpResponse:
    """The answer while a database is away; its breaker tries again every second."""
    headers = {"Retry-After": "2"}
    return problem(503, "unavailable", _("The service is temporarily unavailable."), headers=headers, retry_after=2)


def invalid_body(error: msgspec.ValidationError) -> HttpResponse:
    """Render a body that has the wrong shape; msgspec ends its message with the JSON path at fault."""
    said, _at, path = str(error).partition(" - at `")
    field = _INDEX.sub(r".\1", path.rstrip("`").removeprefix("$")).removeprefix(".")
    code = "required" if "missing required field" in said else "unknown_field" if "unknown field" in said else "invalid"
    if code != "invalid" and "`" in said:
        name = said.split("`")[1]
        field = f"{field}.{name}" if field else name
    wrong = {"field": field, "code": code, "detail": wording.say_wrong_shape(said)}
    return problem(400, "validation_error", _("Invalid input."), errors=[wrong])


class ProblemFormatter(ExceptionFormatter):
    """Flattens DRF's errors into [{field, code, detail}]."""

    def format_error_response(self, error_response: Any) -> dict[str, Any]:
        """Return the members that differ from error to error; `exception_handler` adds the rest."""
        errors = [
            {"field": item.attr or "", "code": item.code, "detail": item.detail} for item in error_response.errors
        ]
        return {"kind": str(error_response.type), "errors": errors}


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | Response | None:
    """DRF's hook: the same rendering for what DRF itself raises."""
    request = context["request"]
    if isinstance(error, (DomainError, msgspec.DecodeError, OperationalError, InterfaceError, *malformed.MALFORMED)):
        return from_exception(error, request)
    response = standardized(error, context)  # type: ignore[arg-type]
    if response is None or response.status_code >= 500:
        return from_exception(error, request)
    return _from_drf(response)


def _from_drf(response: Response) -> HttpResponse:
    errors = response.data["errors"]
    is_field_error = response.data["kind"] == "validation_error"
    code = "validation_error" if is_field_error else errors[0]["code"]
    detail = _("Invalid input.") if is_field_error else errors[0]["detail"]
    headers = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After")}
    if response.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(response.status_code, code, detail, errors=errors if is_field_error else None, headers=headers)

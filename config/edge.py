"""Set how the API speaks and what a page may load: settings that no environment changes."""

from typing import Any

from csp.constants import NONCE, NONE, SELF

from config import __version__

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["gateway.access.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["gateway.access.permissions.IsSignedIn"],
    "DEFAULT_THROTTLE_CLASSES": ["gateway.guards.throttling.SlidingWindowThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["gateway.responses.rendering.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "gateway.responses.rendering.WhatThereIs",
    "DEFAULT_PARSER_CLASSES": ["gateway.responses.rendering.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "gateway.requests.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["gateway.requests.filtering.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "gateway.document.schema.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "gateway.responses.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_FORMATTER_CLASS": "gateway.responses.problems.ProblemFormatter"}
API_TAGS = {
    "accounting": "What the dealer's accounting is given, by days.",
    "approvals": "What waits for a second person, from every app.",
    "audit": "Who did what to which thing when, from the histories of every app.",
    "health": "Whether a process lives and may be sent visitors.",
}
"""Groups of the API's operations that belong to no app; the apps' own stand in their `plugin`."""
SPECTACULAR_SETTINGS = {
    "TITLE": "Autosalon",
    "DESCRIPTION": "A car dealership from shop window to handed-over keys.",
    "VERSION": __version__,
    "CONTACT": {"name": "Autosalon contributors"},
    "LICENSE": {"name": "MIT", "url": "https://opensource.org/license/mit"},
    "TAGS": [{"name": name, "description": text} for name, text in API_TAGS.items()],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "config.health.document.describe_health",
        "gateway.document.hooks.describe_edge",
        "gateway.document.limits.describe_limits",
        "gateway.document.examples.add_examples",
        "gateway.document.hooks.settle_schemas",
        "gateway.document.enums.name_enums",
    ],
}
CORS_ALLOW_HEADERS = [
    "accept", "accept-language", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match",
    "last-event-id", "traceparent", "x-cart-token", "x-request-id",
]  # fmt: skip
"""What a page of a permitted origin may send: all that the API honours, and nothing of cookies or forms."""
CORS_EXPOSE_HEADERS = [
    "Content-Disposition", "Content-Language", "ETag", "Idempotent-Replayed", "Location", "RateLimit-Limit",
    "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "WWW-Authenticate", "X-Document-Number",
    "X-Document-Version", "X-Request-ID",
]  # fmt: skip
_CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}


def content_security_policy(picture_origins: list[str]) -> dict[str, Any]:
    """Return what a page may load; pictures may come from these origins too."""
    directives = _CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return {"DIRECTIVES": directives | {"img-src": [*directives["img-src"], *picture_origins]}}


UPLOADS = {
    "admin:catalog_import_add": ("MAX_UPLOAD_BYTES", 1),
    "admin:catalog_product_photos": ("PICTURE_MAX_BYTES", 10),
    "admin:clients_clientimport_add": ("MAX_UPLOAD_BYTES", 1),
    "catalog:import-list": ("MAX_UPLOAD_BYTES", 1),
    "catalog:product-images": ("PICTURE_MAX_BYTES", 1),
    "clients:client-import-list": ("MAX_UPLOAD_BYTES", 1),
    "financing:financing-application-documents": ("CREDIT_FILE_MAX_BYTES", 1),
    "insurance:insurance-claim-documents": ("CLAIM_FILE_MAX_BYTES", 1),
    "storefront:add-papers": ("CLAIM_FILE_MAX_BYTES", 10),
    "storefront:loan-papers": ("CREDIT_FILE_MAX_BYTES", 1),
}
"""The only addresses that take files, all of them from people who are signed in: the setting that says how large one
may be, and how many come at once. A test finds the views that take files and are not here."""

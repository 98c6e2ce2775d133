"""How the API speaks and what a page may load: settings that no environment changes."""

from typing import Any

from csp.constants import NONCE, NONE, SELF

from config import __version__

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["gateway.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["gateway.permissions.IsSignedIn"],
    "DEFAULT_THROTTLE_CLASSES": ["gateway.throttling.SlidingWindowThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["gateway.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["gateway.rendering.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "gateway.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["gateway.filtering.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "gateway.schema.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "gateway.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_FORMATTER_CLASS": "gateway.problems.ProblemFormatter"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Autosalon",
    "DESCRIPTION": "A car dealership from shop window to handed-over keys.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "config.health.document.describe_health",
        "gateway.schema_hooks.describe_edge",
        "gateway.schema_hooks.settle_schemas",
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
CONTENT_SECURITY_POLICY = {
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
UPLOADS = {
    "admin:catalog_import_add": ("MAX_UPLOAD_BYTES", 1),
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

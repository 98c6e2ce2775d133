"""Describe the API to programs and people: built files, and two pages that show them."""

import hashlib
from functools import cache
from pathlib import Path

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from gateway.document import openapi

KINDS = {
    "application/vnd.oai.openapi": "yml",
    "application/yaml": "yml",
    "application/vnd.oai.openapi+json": "json",
    "application/json": "json",
}
FORMATS = {"yaml": "application/vnd.oai.openapi", "json": "application/vnd.oai.openapi+json"}
ASYNCAPI = Path(settings.BASE_DIR) / "docs" / "asyncapi.yml"
_DRAWN = {"style-src": [UNSAFE_INLINE], "worker-src": ["blob:"]}
"""Both viewers write styles into the page, and search in a worker that they make themselves."""


@cache
def _read(path: Path) -> tuple[bytes, str]:
    """A built file and its entity tag. The paths are known beforehand, so this holds five files at most."""
    content = path.read_bytes() if path == ASYNCAPI else openapi.as_running(path)
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _serve(request: HttpRequest, path: Path, content_type: str) -> HttpResponse:
    content, tag = _read(path)
    headers = {
        "Content-Disposition": f'inline; filename="{path.name}"',
        "Cache-Control": "public, no-cache",
        "ETag": tag,
    }
    fresh = HttpResponse(content, content_type=content_type, headers=headers)
    response = get_conditional_response(request, etag=tag, response=fresh)
    assert isinstance(response, HttpResponse)
    return response


def _language(request: HttpRequest) -> str:
    """The language asked for, if the document is written in it; else that of the request."""
    asked = request.GET.get("lang", "")
    if asked in openapi.LANGUAGES:
        return asked
    spoken = get_language() or ""
    return spoken if spoken in openapi.LANGUAGES else settings.LANGUAGE_CODE


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Answer `GET /api/schema/`: YAML or JSON, as `?format=` or the Accept header asks, in the language of `?lang=`."""
    wanted = FORMATS.get(request.GET.get("format", "")) or request.get_preferred_type(list(KINDS)) or "application/yaml"
    response = _serve(request, openapi.get_document_path(_language(request), KINDS[wanted]), f"{wanted}; charset=utf-8")
    patch_vary_headers(response, ["Accept", "Accept-Language"])
    return response


@require_safe
def asyncapi(request: HttpRequest) -> HttpResponse:
    """Answer `GET /api/asyncapi.yaml`."""
    return _serve(request, ASYNCAPI, "application/yaml; charset=utf-8")


@require_safe
@csp_update(_DRAWN)
def swagger(request: HttpRequest) -> HttpResponse:
    """Show the document where calls can be tried."""
    return render(request, "gateway/swagger.html", {"language": _language(request)})


@require_safe
@csp_update(_DRAWN)
def redoc(request: HttpRequest) -> HttpResponse:
    """Show the document for reading."""
    return render(request, "gateway/redoc.html", {"language": _language(request)})

"""GET /api/schema/: the OpenAPI document, generated once per language and format.

Generation takes seconds, and two threads that begin it together break each other.
"""

import threading
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

_lock = threading.Lock()


class SchemaView(SpectacularAPIView):
    """YAML or JSON, as the Accept header asks; `?lang=` chooses the language of descriptions."""

    def _get_schema_response(self, request: Request) -> Any:
        renderer: Any = request.accepted_renderer
        with _lock:
            content = _document(translation.get_language() or "", renderer.format)
        headers = {"Content-Disposition": f'inline; filename="autosalon.{renderer.format}"'}
        return HttpResponse(content, content_type=request.accepted_media_type, headers=headers)


@cache
def _document(language: str, kind: str) -> bytes:
    renderer = OpenApiYamlRenderer() if kind == OpenApiYamlRenderer.format else OpenApiJsonRenderer()
    content: bytes = renderer.render(_described(language), renderer_context={})
    return content


@cache
def _described(language: str) -> Any:
    with translation.override(language):
        return SchemaGenerator().get_schema(request=None, public=True)

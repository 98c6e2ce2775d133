"""GET /api/schema/: the OpenAPI document, generated once per language and format.

Generation takes seconds, and two threads that begin it together break each other.
"""

import threading
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

_lock = threading.Lock()


class SchemaView(SpectacularAPIView):
    """YAML or JSON, as the Accept header asks; `?lang=` chooses the language of descriptions."""

    def _get_schema_response(self, request: Request) -> Any:
        renderer: Any = request.accepted_renderer  # type: ignore[attr-defined]
        with _lock:
            content = _document(translation.get_language() or "", type(renderer))
        headers = {"Content-Disposition": f'inline; filename="autosalon.{renderer.format}"'}
        return HttpResponse(content, content_type=request.accepted_media_type, headers=headers)  # type: ignore[attr-defined]


@lru_cache(maxsize=16)
def _document(language: str, renderer: type[Any]) -> bytes:
    content: bytes | str = renderer().render(_described(language), renderer_context={})
    return content.encode() if isinstance(content, str) else content


@lru_cache(maxsize=4)
def _described(language: str) -> Any:
    with translation.override(language):
        return SchemaGenerator().get_schema(request=None, public=True)

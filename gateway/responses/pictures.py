"""Answer with pictures of products at the shop's own addresses, wherever their files are kept."""

from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.static import serve

from core.files.kept import PICTURES_FOLDER, picture_files


def serve_picture(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer with a picture as it lies in the storage of this moment, or send to the bucket by an address that ends."""
    storage = picture_files()
    if isinstance(storage, FileSystemStorage):
        return _lasting(serve(request, path, document_root=str(Path(storage.location) / PICTURES_FOLDER)))
    if settings.S3_SIGNED_SECONDS:
        signed = storage.signed_url(f"{PICTURES_FOLDER}/{path}", seconds=settings.S3_SIGNED_SECONDS)  # type: ignore[attr-defined]
        answer = HttpResponseRedirect(signed)
        patch_cache_control(answer, private=True, max_age=settings.S3_SIGNED_SECONDS // 2)
        return answer
    try:
        return _lasting(FileResponse(storage.open(f"{PICTURES_FOLDER}/{path}", "rb")))
    except FileNotFoundError:
        raise Http404 from None


def _lasting(answer: HttpResponseBase) -> HttpResponseBase:
    """Let it be kept: a picture's address has the id of its upload, other bytes have another address."""
    patch_cache_control(answer, max_age=settings.PICTURE_KEPT_S, public=True, immutable=True)
    return answer

"""Decide who may send how much: files only at the addresses of `settings.UPLOADS`, from people who are signed in.

Both are settled by the headers, before anything of a body is read: a form is spooled to the disk as soon as anybody,
and be it the check of its token, asks for one of its fields.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, reverse

ADMIN = "admin:"


def limit_at(path: str, content_type: str | None) -> int:
    """Bytes that a body may have there; beside files there is room for the other fields of their form."""
    if not (content_type or "").startswith("multipart/"):
        return int(settings.MAX_BODY_BYTES)
    try:
        name = resolve(path).view_name
    except Resolver404:
        name = ""
    setting, files = settings.UPLOADS.get(name, ("", 0))
    return int(settings.MAX_BODY_BYTES) + (files * int(getattr(settings, setting)) if files else 0)


class UploadMiddleware:
    """Stands before the check of a form's token, which reads the form: only who is signed in may send files."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Ask a stranger to sign in; what they sent is left unread."""
        match = request.resolver_match
        name = match.view_name if match else ""
        if request.method != "POST" or name not in settings.UPLOADS:
            return None
        user: Any = request.user
        is_admin = name.startswith(ADMIN)
        if user.is_authenticated and (user.is_staff or not is_admin):
            return None
        return redirect_to_login(request.get_full_path(), reverse("admin:login") if is_admin else None)

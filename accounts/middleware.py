"""Pages believe a browser only as long as its session lives: ending it elsewhere signs the browser out."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import services
from accounts.signals import KEY


class PageSessionMiddleware:
    """After Django's AuthenticationMiddleware; costs one query where a page asks who is looking, and none elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known: Any = request.user
        request.user = SimpleLazyObject(lambda: _still(request, known))  # type: ignore[assignment]
        return self.get_response(request)


def _still(request: HttpRequest, user: Any) -> Any:
    found = request.session.get(KEY)
    if not user.is_authenticated or not found:
        return user
    if services.use_session(user_id=user.pk, session_id=UUID(found), now=timezone.now()):
        return user
    request.session.flush()
    return AnonymousUser()

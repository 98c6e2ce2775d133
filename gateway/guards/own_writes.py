"""Whoever wrote a moment ago reads what they wrote: their pages ask no replica, which may be behind."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.db import wrote
from messaging.upkeep.replicas import fresh_for_s

SAFE = {"GET", "HEAD", "OPTIONS"}


class OwnWritesMiddleware:
    """Let pages read from replicas, unless their caller changes something or has just done so.

    A browser says that it has by a cookie. Who keeps one for ever only asks the primary, as all did before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.REPLICAS:
            return self.get_response(request)
        is_own = request.method not in SAFE or settings.WROTE_COOKIE_NAME in request.COOKIES
        written = set(settings.REPLICAS) if is_own else set[str]()
        token = wrote.set(written)
        try:
            response = self.get_response(request)
        finally:
            wrote.reset(token)
        if request.method not in SAFE or (written and not is_own):
            response.set_cookie(
                settings.WROTE_COOKIE_NAME,
                "1",
                max_age=fresh_for_s(),
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

"""Addresses that lead people on: to the page that has a slash, and from a form's address to the page it stands on."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.http import escape_leading_slashes

from gateway.guards.guard import TooManyRequests
from gateway.views import too_many
from storefront.dear import find_scope
from storefront.pages import nowhere
from storefront.visitor import count


class SlashMiddleware(CommonMiddleware):
    """Leads an address without its last slash to the page that has one; a form sent there is sent on as it was.

    Django's own forgets what was posted, and in debug answers it with a traceback.
    """

    def get_full_path_with_slash(self, request: HttpRequest) -> str:
        """The address to go to, whatever the method."""
        return escape_leading_slashes(request.get_full_path(force_append_slash=True))

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Lead on before the view is looked for; what stands nowhere is said to at once, without a detour."""
        if self.should_redirect_with_slash(request) and resolve(f"{request.path_info}/").func is nowhere:
            request.path_info += "/"
        led = super().process_request(request)
        return _as_sent(request, led) if led else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Lead on when nothing was found."""
        led = super().process_response(request, response)
        if led is not response and isinstance(led, HttpResponsePermanentRedirect):
            return _as_sent(request, led)
        return led


def _as_sent(request: HttpRequest, led: HttpResponsePermanentRedirect) -> HttpResponsePermanentRedirect:
    """The same redirect, that keeps a method with its body."""
    return led if request.method in ("GET", "HEAD") else HttpResponsePermanentRedirect(led.url, preserve_request=True)


class FormsOnlyMiddleware:
    """Whoever is asked to sign in while sending a form comes back to its address by GET: show them its page then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "GET" and isinstance(response, HttpResponseNotAllowed):
            return redirect(page_above(request.path_info))
        return response


class BudgetMiddleware:
    """Counts a dear page against its budget before anything of it is worked out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Tell whoever used up the budget when to come back; all others go on."""
        scope = find_scope(request)
        if scope is None:
            return None
        try:
            count(request, scope)
        except TooManyRequests as error:
            return too_many(request, error.retry_after)
        return None


def page_above(path: str) -> str:
    """The nearest address above that leads somewhere."""
    while path not in ("", "/"):
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            if resolve(path).func is not nowhere:
                return path
        except Resolver404:
            continue
    return "/"

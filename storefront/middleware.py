"""Addresses that only take forms lead people who open them to the page the form stands on."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import Resolver404, resolve

from storefront.pages import nowhere


class FormsOnlyMiddleware:
    """Whoever is asked to sign in while sending a form comes back to its address by GET: show them its page then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "GET" and isinstance(response, HttpResponseNotAllowed):
            return redirect(page_above(request.path_info))
        return response


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

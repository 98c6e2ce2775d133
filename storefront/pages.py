"""Share what all pages have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from core.errors import NotFound
from gateway.views import page_not_found

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """Answer what is not there, or is somebody else's, with our own page, in debug too."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound:
            return page_not_found(request)

    return inner


@page
def nowhere(request: HttpRequest) -> HttpResponse:
    """An address that leads nowhere."""
    raise NotFound

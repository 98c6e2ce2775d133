"""Let pages of this machine call contract E in debug, as its clients do; all other origins are those of the setting."""

import re
from typing import Any

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.http import HttpRequest

_LOCAL = re.compile(r"https?://localhost(:\d{1,5})?")


def connect() -> None:
    """Ask `is_local` of every request from another origin; once more changes nothing."""
    check_request_enabled.connect(is_local, dispatch_uid="contracts.origins")


def is_local(sender: Any, request: HttpRequest, **kwargs: Any) -> bool:
    """Tell whether the request is for contract E, from a page of this machine, in debug."""
    is_theirs = settings.DEBUG and request.path_info.startswith("/contracts/e/")
    return is_theirs and _LOCAL.fullmatch(request.headers.get("Origin", "")) is not None

"""Plain http where https is wanted: a redirect comes too late for a token that was sent in the clear."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import Forbidden


class HttpsRequired(Forbidden):
    """The API answers over https alone; a token sent otherwise should be given up."""

    code = "https_required"
    detail = _("Please use https: what you sent could be read on its way.")


def is_in_the_clear(scope: Mapping[str, Any]) -> bool:
    """Tell whether a connection of an ASGI server came without TLS where TLS is wanted, as far as our proxy says."""
    if not settings.SECURE_SSL_REDIRECT:
        return False
    if scope.get("scheme") in ("https", "wss"):
        return False
    told = {name.lower(): value for name, value in scope["headers"]}.get(b"x-forwarded-proto", b"")
    return settings.SECURE_PROXY_SSL_HEADER is None or told != b"https"

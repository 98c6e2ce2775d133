"""The address a request came from, seen through trusted proxies only."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings


def client_address(meta: Mapping[str, Any]) -> str:
    """Caller's address; an IPv6 caller counts as its /64 network, since that is what one household gets."""
    remote = exact_address(meta)
    try:
        parsed = ipaddress.ip_address(remote)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else remote


def exact_address(meta: Mapping[str, Any]) -> str:
    """Caller's address as the last proxy that we trust saw it; whatever others forwarded is not believed."""
    remote: str = meta.get("REMOTE_ADDR") or "127.0.0.1"
    forwarded = [part.strip() for part in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while forwarded and remote in settings.TRUSTED_PROXIES:
        remote = forwarded.pop()
    return remote

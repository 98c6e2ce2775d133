"""The address a request came from, seen through trusted proxies only."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"


def client_address(meta: Mapping[str, Any]) -> str:
    """Caller's address; an IPv6 caller counts as its /64 network, since that is what one household gets."""
    caller = _caller(meta)
    if caller is None:
        return UNKNOWN
    return str(ip_network((caller, 64), strict=False)) if caller.version == 6 else str(caller)


def exact_address(meta: Mapping[str, Any]) -> str:
    """Caller's address as the last proxy that we trust saw it; whatever others forwarded is not believed.

    `unknown` where that proxy forwarded no address.
    """
    return str(_caller(meta) or UNKNOWN)


def is_forwarded_by_stranger(meta: Mapping[str, Any]) -> bool:
    """Tell whether a proxy that we do not trust says that it forwards somebody: its caller could be anybody."""
    return bool(meta.get("HTTP_X_FORWARDED_FOR")) and not _is_trusted(_direct(meta))


def _caller(meta: Mapping[str, Any]) -> Address | None:
    """From right to left, the first hop that is no proxy of ours: what is left of it the caller may have written."""
    caller = _direct(meta)
    forwarded = [part for part in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while forwarded and _is_trusted(caller):
        caller = _parsed(forwarded.pop())
    return caller


def _direct(meta: Mapping[str, Any]) -> Address | None:
    """Return who holds the other end of the connection; behind a unix socket, this machine."""
    return _parsed(meta.get("REMOTE_ADDR") or "127.0.0.1")


def _is_trusted(address: Address | None) -> bool:
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    """An address as proxies write it: perhaps with a port, in brackets, with a zone, or IPv4 in the clothes of IPv6."""
    bare = re.sub(r"^\[([^\]]*)\](:\d+)?$|^(\d+(?:\.\d+){3}):\d+$", r"\1\3", text.strip()).partition("%")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found

"""Providers of qualified signatures, by the name in AUTOSALON_SIGNING_PROVIDER."""

from functools import cache
from importlib import import_module

from orders.errors import NoSigningProvider
from orders.providers.signing.port import SigningProvider

_CLASSES = {"sandbox": "orders.providers.signing.sandbox:SandboxSigning"}


@cache
def signing_provider(name: str) -> SigningProvider:
    """Return the provider of that name. Raises NoSigningProvider."""
    if name not in _CLASSES:
        raise NoSigningProvider
    module, _, cls = _CLASSES[name].partition(":")
    built: SigningProvider = getattr(import_module(module), cls)()
    return built

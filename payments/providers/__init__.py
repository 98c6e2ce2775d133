"""Payment providers: calls to strangers, never made while a transaction is open.

Their modules are imported on first use: the libraries of banks weigh more than the rest of the shop.
"""

from functools import cache
from importlib import import_module

from payments.errors import ProviderUnknown
from payments.providers.port import Provider

_CLASSES = {
    "sandbox": "payments.providers.sandbox:SandboxProvider",
    "stripe": "payments.providers.stripe:StripeProvider",
    "yookassa": "payments.providers.yookassa:YookassaProvider",
}
NAMES = tuple(_CLASSES)


@cache
def provider(name: str) -> Provider:
    """The provider of that name. Raises ProviderUnknown."""
    if name not in _CLASSES:
        raise ProviderUnknown
    module, _, cls = _CLASSES[name].partition(":")
    built: Provider = getattr(import_module(module), cls)()
    return built

"""Fiscal operators: strangers who register receipts, never called while a transaction is open."""

from functools import cache
from importlib import import_module

from payments.errors import ProviderUnknown
from payments.providers.fiscal.port import FiscalOperator

_CLASSES = {
    "sandbox": "payments.providers.fiscal.sandbox:SandboxOperator",
    "atol": "payments.providers.fiscal.atol:AtolOperator",
    "yookassa": "payments.providers.fiscal.yookassa:YookassaOperator",
}


@cache
def operator(name: str) -> FiscalOperator:
    """The operator of that name. Raises ProviderUnknown."""
    if name not in _CLASSES:
        raise ProviderUnknown
    module, _, cls = _CLASSES[name].partition(":")
    built: FiscalOperator = getattr(import_module(module), cls)()
    return built

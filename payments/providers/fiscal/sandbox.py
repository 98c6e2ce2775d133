"""Our side of the sandbox of a fiscal operator, which the sandbox provider keeps beside its payments."""

from typing import Any

from core.outside.provider_http import JsonProvider
from payments.providers.fiscal.port import Answer, FiscalOperator

_SANDBOX = JsonProvider("the fiscal operator", "SANDBOX_URL")


class SandboxOperator(FiscalOperator):
    """An operator that registers nothing anywhere; see `sandbox.fiscal`."""

    name = "sandbox"

    def register(self, key: str, receipt: dict[str, Any]) -> Answer:
        """Have it keep the receipt."""
        return _SANDBOX.ask("POST", "/receipts", key=key, body=receipt)

    def find(self, key: str, receipt: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _SANDBOX.find("GET", f"/receipts/by-key/{key}")

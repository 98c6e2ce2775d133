"""Our side of the sandbox of a provider of signatures, which the payment sandbox keeps beside its payments."""

import base64

from core.outside.provider_http import JsonProvider
from orders.providers.signing.port import Answer, SigningProvider, Wanted

_SANDBOX = JsonProvider("the provider of signatures", "SIGNING_URL")


class SandboxSigning(SigningProvider):
    """A provider whose authority nobody accredited; see `sandbox.signing`."""

    name = "sandbox"

    def sign(self, key: str, wanted: Wanted) -> Answer:
        """Have it sign the bytes."""
        content = base64.b64encode(wanted.content).decode()
        body = {"content": content, "name": wanted.name, "inn": wanted.inn}
        return _SANDBOX.ask("POST", "/signatures", key=key, body=body)

    def find(self, key: str) -> Answer | None:
        """Ask by our key."""
        return _SANDBOX.find("GET", f"/signatures/by-key/{key}")

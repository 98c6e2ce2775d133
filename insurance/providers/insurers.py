"""Our side of the insurers' HTTP API."""

from typing import Any

from core.outside.provider_http import JsonProvider

_INSURERS = JsonProvider("the insurer", "INSURERS_URL")


def bind(insurer: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a policy: `{status: accepted|declined|pending, reference?, code?, detail?}`.

    Raises TransientFault, NoAnswer, Refused of `core.outside.provider_http`.
    """
    return _INSURERS.ask("POST", f"/insurers/{insurer}/policies", key=key, body=body)


def find(insurer: str, key: str) -> dict[str, Any] | None:
    """Return what became of an earlier question; None when it was never heard. Raises like `bind`."""
    return _INSURERS.find("GET", f"/insurers/{insurer}/policies/by-key/{key}")


def unbind(insurer: str, key: str, policy_id: str) -> dict[str, Any]:
    """Let go of a policy by our id for it, even one never heard of. Raises like `bind`."""
    return _INSURERS.ask("POST", f"/insurers/{insurer}/policies/{policy_id}/cancel", key=key, body={})

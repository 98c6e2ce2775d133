"""Name what webhooks are sent by, and what they may ask for."""

from uuid import UUID

from core.events import REGISTRY
from gateway.guards import breakers
from messaging.publishing.envelope import is_public


def get_breaker_name(endpoint_id: UUID) -> str:
    """Name of the circuit breaker of one receiver."""
    return f"{breakers.STRANGER}webhook:{endpoint_id}"


def list_families() -> list[str]:
    """List the families of events that integrators are promised, as receivers ask for them: `order.*`."""
    return sorted({f"{name.partition('.')[0]}.*" for name in REGISTRY if is_public(name)})

"""Name what webhooks are sent by."""

from uuid import UUID

from gateway.guards import breakers


def get_breaker_name(endpoint_id: UUID) -> str:
    """Name of the circuit breaker of one receiver."""
    return f"{breakers.STRANGER}webhook:{endpoint_id}"

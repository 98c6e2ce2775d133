"""What all services of contract D share: the contract itself, and its healths."""

from typing import Any

from django.conf import settings
from django.db import Error

from contracts.forms import message_errors
from contracts.mapping import Schema
from contracts.routes import Contract, Handler
from contracts.trips import Reply, Trip
from core.db import fetch
from core.errors import DomainError

TOKEN_SECONDS = 3600
TEXT: Schema = {"type": "string"}
REFUSAL: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("error", "message", "detail", "code"), TEXT) | {"errors": {"type": "array"}},
    "required": ["error", "message", "detail", "code"],
}
CONTRACT = Contract(
    "d", "Events agency of seven services", errors=message_errors, token_seconds=TOKEN_SECONDS, refusal_schema=REFUSAL
)
SERVICES = {
    "user-service": "accounts", "event-service": "showroom", "resource-service": "resources",
    "client-service": "clients", "payment-service": "payments", "auth-service": "accounts", "gateway-service": "",
}  # fmt: skip
"""Services of the contract by the database without which each is down."""


def _is_away(alias: str) -> bool:
    """Tell whether a database of this process does not answer; those of other processes are theirs to watch."""
    if alias not in settings.LAYOUT.databases:
        return False
    try:
        fetch(alias, "SELECT 1", [])
    except (Error, DomainError):
        return True
    return False


def _show_health(service: str) -> Handler:
    def show(trip: Trip) -> Reply:
        if _is_away(SERVICES[service]):
            return Reply({"status": "unhealthy", "service": service}, 503)
        return Reply({"status": "healthy", "service": service})

    return show


CONTRACT.route("GET /health", call="GET /health", is_open=True, handler=_show_health("gateway-service"))
for _service in SERVICES:
    CONTRACT.route(f"GET /{_service}/health", call="GET /health", is_open=True, handler=_show_health(_service))


def say(text: str) -> dict[str, Any]:
    """Make the answer of what has nothing to show."""
    return {"message": text}

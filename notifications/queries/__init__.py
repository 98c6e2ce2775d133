"""Every read of notifications that is more than a filter: structs out, never a write."""

from notifications.queries.webhooks import get_breaker_name

__all__ = [
    "get_breaker_name",
]

"""Every read of notifications that is more than a filter: structs out, never a write."""

from notifications.queries.webhooks import breaker_of

__all__ = [
    "breaker_of",
]

"""The HTTP edge: request ids, who is calling, limits, idempotency, ETags, problem+json, health."""

"""Call strangers: over HTTP, on the open internet only, with a breaker, and never while a lock is held."""

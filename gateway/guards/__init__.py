"""Guard a request before any work is done for it: limits, sizes, paces, addresses, breakers."""

"""Read requests: strictly, once per key, on a condition, a page at a time."""

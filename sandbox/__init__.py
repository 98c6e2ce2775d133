"""Stand for the companies the dealer works with: HTTP servers with books of their own that know nothing of the shop."""

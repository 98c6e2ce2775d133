"""Stand for the companies the dealer works with: HTTP servers with their own stores, which know nothing of the shop."""

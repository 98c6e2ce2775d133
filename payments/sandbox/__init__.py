"""The sandbox: a payment provider of its own, with its own process, HTTP API and book; it knows nothing of the shop."""

"""Strangers that orders talks to, never while a transaction is open."""

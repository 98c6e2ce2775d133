"""Insurers: calls to strangers, never made while a transaction is open."""

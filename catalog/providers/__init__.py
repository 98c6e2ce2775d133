"""Calls of the catalogue to the outside world."""

"""Twins of banks for debug: they offer, counter, refuse, think it over, repeat themselves and fail on purpose."""

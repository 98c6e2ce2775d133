"""Twins of insurers for debug: they issue, think it over, decline and fail on purpose."""

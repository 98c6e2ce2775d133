"""Calls to those who carry our messages."""

"""Calls to those who carry our messages, and to those who asked for our facts."""

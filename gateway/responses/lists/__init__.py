"""Rows of the admin's lists as files."""

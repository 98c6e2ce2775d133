"""Calculation of notifications without input or output."""

"""Calculation of catalog without input or output."""

"""Calculation of orders without input or output."""

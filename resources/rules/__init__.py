"""Calculation of resources without input or output."""

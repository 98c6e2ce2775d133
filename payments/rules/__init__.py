"""Calculation of payments without input or output."""

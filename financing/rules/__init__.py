"""Calculation of financing without input or output."""

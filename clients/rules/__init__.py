"""Calculation of clients without input or output."""

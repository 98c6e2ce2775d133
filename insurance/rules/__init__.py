"""Calculation of insurance without input or output."""

"""Whole deals: a machine that does them in any order, what has to hold after every step, and what it must find."""

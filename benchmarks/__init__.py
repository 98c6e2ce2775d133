"""Measure what is fast, against a limit measured in the same run."""

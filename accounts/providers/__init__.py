"""Talking to those outside who know people too."""

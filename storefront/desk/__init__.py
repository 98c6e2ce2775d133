"""Compose what staff see of all apps at once: what they look for, and how the day stands."""

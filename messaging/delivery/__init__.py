"""Deliver what stands in an inbox, call the outside world, and keep deadlines: by workers that may die."""

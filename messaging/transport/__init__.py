"""Carry events from the log of their source into the inboxes of their subscribers."""

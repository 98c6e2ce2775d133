"""Migrate every database, and refuse what the release before could not live with."""

"""Stand for an SMS gateway: it keeps what it was given, and fails on purpose."""

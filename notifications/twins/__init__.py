"""A twin of an SMS gateway for debug: it keeps what it was given, and fails on purpose."""

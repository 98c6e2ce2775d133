"""Rules of accounts, without tables or requests."""

"""Stand for a fiscal operator: it keeps the receipts it is given, and tells the authorities nothing."""

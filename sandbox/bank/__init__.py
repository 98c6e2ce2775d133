"""Stand for the payment provider: a test bank that takes no real money."""

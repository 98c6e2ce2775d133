"""Keep the log small, measured and in agreement."""

"""Keep what must stay secret: hashes, sealed columns, keys, card numbers, and what logs never tell."""

"""Let value leave in every declared way, tried alone, on oneself, in pieces and twice at once."""

"""How value can leave: every declared way tried alone, on oneself, in pieces and twice at once."""

"""Speak the contracts of five other systems, as tables over the product's own API; no rule of the business is here."""

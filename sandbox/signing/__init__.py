"""Stand for a provider of qualified signatures, with a certification authority of its own making."""

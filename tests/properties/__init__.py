"""Random deals and loans, each held against arithmetic of its own: `make properties` tries 10,000 of both."""

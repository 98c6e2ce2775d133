"""A year of a made-up dealership: people and deals, told by the services of every app at the moments they happened."""

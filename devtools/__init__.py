"""Run the product on a laptop: PostgreSQL and Valkey of its own, and all processes under one command."""

"""What financing asks of others."""

"""Tell of a process while it runs, and let tests have it meet faults."""

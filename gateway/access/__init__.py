"""Tell who is calling and what a session may do: tokens, keys, permissions, step-up, and the trace of readings."""

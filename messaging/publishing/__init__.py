"""Tell the world outside: envelopes, the external stream, and the documents that describe them."""

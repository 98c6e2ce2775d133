"""Examples of the OpenAPI document, taken from what the server answered in tests: `make examples`."""

VARIABLE = "AUTOSALON_EXAMPLES_DIR"
"""Names the folder to keep exchanges in; unset, nothing is kept."""

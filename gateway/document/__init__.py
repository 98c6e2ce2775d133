"""Say in the OpenAPI document what no view says: refusals, limits and examples, each by what brings it about."""

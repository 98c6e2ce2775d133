"""Is the installation well: one list of checks, asked by `manage.py doctor`, `/health/ready` and `/metrics`."""
